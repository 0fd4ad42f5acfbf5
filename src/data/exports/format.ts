/** What an export format is. One file a format; `index.ts` lists them. */
import { z } from "zod";
import type { ToolDefinition } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { isJsonObject } from "../../core/json.ts";
import type { LeftOut } from "./turns.ts";

export interface ExportFormat<Row = unknown> {
  /** Names the folder that is written. */
  readonly name: string;
  /** What it is, in half a line. */
  readonly summary: string;
  /** What a line of its files holds. */
  readonly row: z.ZodType<Row>;
  /** One conversation as a line, or why the format has no words for it. */
  toRow(conversation: Conversation): { row: Row } | LeftOut;
  /** Further files that its reader wants beside the rows, by name. */
  readonly files?: Record<string, string>;
  /** Markdown: what loads the files, with the exact lines, and what the format does not keep. */
  readonly usage: string;
}

/** A function as every dialect describes it, and nothing else in it. */
export const FunctionSpec = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
  description: z.string(),
  parameters: z.record(z.string(), z.json()),
});
export type FunctionSpec = z.infer<typeof FunctionSpec>;

/** JSON of an object, as a string. */
export const ObjectText = z.string().refine(
  (text) => {
    try {
      return isJsonObject(JSON.parse(text));
    } catch {
      return false;
    }
  },
  { error: "not the JSON of an object" },
);

export const functionSpec = ({ name, description, parameters }: ToolDefinition): FunctionSpec => ({
  name,
  description,
  parameters,
});

/** For keys that are left out where there is nothing. */
export function nonEmpty<T>(items: readonly T[]): [T, ...T[]] | undefined {
  const [first, ...rest] = items;
  return first === undefined ? undefined : [first, ...rest];
}
