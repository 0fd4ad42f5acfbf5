/** What evaluations ask: our own cases, the test split, and files of the user's. */
import { basename } from "node:path";
import { z } from "zod";
import type { ConversationRow } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { hashFile } from "../core/hash.ts";
import { readJsonl } from "../core/jsonl.ts";
import type { ToolCase } from "../core/tool-case.ts";
import type { EvalText, TrainText } from "./contamination.ts";

export type Said = Pick<ConversationRow, "messages" | "meta">;

const said = (row: Said, roles: readonly string[]): string[] =>
  row.messages.flatMap(({ role, content }) => (roles.includes(role) && content ? [content] : []));

/**
 * What a row teaches to know by heart. The system's message is the persona's and the tool's result the provider's; of
 * a row that was made from templates the answer is one too, and what the split keeps apart is the question.
 */
export function textsOf(row: Said): TrainText {
  const templated = row.meta.parents.length === 0;
  return { templated, texts: said(row, templated ? ["user"] : ["user", "assistant"]) };
}

export const caseText = ({ id, messages }: ToolCase): EvalText => ({
  set: "tool-cases",
  item: id,
  text: messages.findLast(({ role }) => role === "user")?.content ?? "",
  wholeForTemplates: true,
});

/** Of an episode its last question, as of a case; of a row that was made from a document what it says, and its request. */
export function testTexts(row: ConversationRow): EvalText[] {
  const text = { set: "test", item: row.id };
  if (row.meta.parents.length === 0)
    return said(row, ["user"])
      .slice(-1)
      .map((asks) => ({ ...text, text: asks, wholeForTemplates: true }));
  return [
    ...said(row, ["assistant"]).map((says) => ({ ...text, text: says, wholeForTemplates: false })),
    ...said(row, ["user"]).map((asks) => ({
      ...text,
      text: asks,
      wholeForTemplates: false,
      framed: true,
    })),
  ];
}

const Line = z.looseObject({ id: z.union([z.string(), z.number()]).optional() });
const Message = z.looseObject({ role: z.string(), content: z.string().nullish() });
/** Where benchmarks keep what they ask, the first that a line has. */
const FIELDS = ["messages", "question", "prompt", "input", "instruction", "text"];
const DEPTH = 4;

/** Texts of a field: itself, the messages of user and assistant, or lists of them. */
function asked(value: unknown, depth = 0): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value))
    return depth < DEPTH ? value.flatMap((each) => asked(each, depth + 1)) : [];
  const message = Message.safeParse(value);
  if (!message.success || !["user", "assistant"].includes(message.data.role)) return [];
  return message.data.content ? [message.data.content] : [];
}

/** Hash of a file of questions. Throws `curate/bad-eval-set` where it cannot be read. */
export async function hashEvalSet(path: string): Promise<string> {
  try {
    return (await hashFile(path)).sha256;
  } catch (cause) {
    throw new TwainError("curate/bad-eval-set", `${path} cannot be read`, {
      hint: "curate.decontaminate.files are JSONL files; their paths count from where the command runs.",
      cause,
    });
  }
}

/** Lines of a JSONL file of questions. Throws `curate/bad-eval-set`. */
export async function* fileTexts(path: string): AsyncGenerator<EvalText> {
  let number = 0;
  for await (const line of readJsonl(path, Line)) {
    number++;
    const field = FIELDS.find((name) => line[name] !== undefined);
    const texts = field === undefined ? [] : asked(line[field]);
    if (texts.length === 0) {
      throw new TwainError(
        "curate/bad-eval-set",
        `${path}: the ${number}th line asks nothing: it has ${Object.keys(line).join(", ") || "no field"}`,
        { hint: `A line holds a text or messages in one of ${FIELDS.join(", ")}.` },
      );
    }
    const item = String(line.id ?? number);
    for (const text of texts) yield { set: basename(path), item, text, wholeForTemplates: false };
  }
}
