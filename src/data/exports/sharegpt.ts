/** ShareGPT with tools, as LLaMA-Factory defines it: one turn each of person (or tools) and model, in strict alternation. */
import { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import { isJsonObject } from "../../core/json.ts";
import { type ExportFormat, functionSpec } from "./format.ts";
import { type AnsweredCall, type LeftOut, type Turn, byTurns } from "./turns.ts";

const ShareGptTurn = z.strictObject({
  from: z.enum(["system", "human", "gpt", "function_call", "observation"]),
  value: z.string(),
});
type ShareGptTurn = z.infer<typeof ShareGptTurn>;

/** What LLaMA-Factory accepts; it drops other rows with a warning. */
function alternates(turns: readonly ShareGptTurn[]): boolean {
  const spoken = turns[0]?.from === "system" ? turns.slice(1) : turns;
  const isModel = ({ from }: ShareGptTurn): boolean => from === "gpt" || from === "function_call";
  return (
    spoken.length % 2 === 0 &&
    spoken.every((turn, i) => turn.from !== "system" && isModel(turn) === (i % 2 === 1))
  );
}

export const ShareGptRow = z.strictObject({
  conversations: z.array(ShareGptTurn).min(2).refine(alternates, { error: "does not alternate" }),
  /** JSON of the list of functions. Null rather than absent: LLaMA-Factory reads the column of every row. */
  tools: z.string().nullable(),
});
export type ShareGptRow = z.infer<typeof ShareGptRow>;

const names = { system: "system", user: "human", assistant: "gpt" } as const;

/** The object that a text is the JSON of, where writing it again gives the same text. */
function sameObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** One result is its own text; several are a JSON list, of objects where all are, else of texts. */
function observation(calls: readonly AnsweredCall[]): string {
  const results = calls.map(({ result }) => result);
  if (results.length === 1) return results[0]!;
  const objects = results.map(sameObject);
  return JSON.stringify(objects.includes(undefined) ? results : objects);
}

function shareGptTurns(turn: Turn): ShareGptTurn[] | LeftOut {
  if (turn.kind === "said") return [{ from: names[turn.role], value: turn.content }];
  if (turn.text) return { leftOut: "text beside a call" };
  const calls = turn.calls.map(({ name, arguments: args }) => ({ name, arguments: args }));
  return [
    { from: "function_call", value: JSON.stringify(calls.length === 1 ? calls[0] : calls) },
    { from: "observation", value: observation(turn.calls) },
  ];
}

/** What LLaMA-Factory wants to know of a file; the roles are those that it expects. */
const entry = (side: string): object => ({
  file_name: `${side}.jsonl`,
  formatting: "sharegpt",
  columns: { messages: "conversations", tools: "tools" },
});
const datasetInfo = { twainbot: entry("train"), twainbot_valid: entry("valid") };

export const sharegpt: ExportFormat<ShareGptRow> = {
  name: "sharegpt",
  summary: "LLaMA-Factory, Axolotl (conversations, tools as JSON)",
  row: ShareGptRow,
  toRow: byTurns((turns, tools) => {
    const conversations: ShareGptTurn[] = [];
    for (const turn of turns) {
      const written = shareGptTurns(turn);
      if ("leftOut" in written) return written;
      conversations.push(...written);
    }
    if (!alternates(conversations)) return { leftOut: "turns that do not alternate" };
    return {
      row: {
        conversations,
        tools: tools.length > 0 ? JSON.stringify(tools.map(functionSpec)) : null,
      },
    };
  }),
  files: { "dataset_info.json": `${JSON.stringify(datasetInfo, null, 2)}\n` },
  usage: `LLaMA-Factory reads \`dataset_info.json\` in this folder. In the training configuration:

    dataset_dir: <this folder>
    dataset: twainbot
    eval_dataset: twainbot_valid

It loads the lines through the \`datasets\` library, which fixes the type of a column from the first 10 MB: without one row
with tools in them it stops with "Couldn't cast array of type string to null". Parquet has the types in the file: write
it with \`--parquet\` and let \`file_name\` say \`train.parquet\` and \`valid.parquet\`.

Axolotl calls ShareGPT deprecated and has no tool calls in it: the lines below train them as the JSON text that they
are here. The format \`trl\` lets the model's own template write them.

    datasets:
      - path: train.jsonl
        ds_type: json
        type: chat_template
        field_messages: conversations
        message_property_mappings: { role: from, content: value }
        roles: { system: [system], user: [human], assistant: [gpt, function_call], tool: [observation] }

Every text, call and result is kept; call ids are not part of the format, and results follow the order of the calls.
Calls made at once are one \`function_call\` with a list, and their results one \`observation\` with a list.`,
};
