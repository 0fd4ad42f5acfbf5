/** Another last answer for a row, and whether the row can have it. */
import type { Conversation } from "../../core/conversation.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import { checkGrounded } from "../../weather/grounded.ts";

type Said = Pick<Conversation, "messages">;

/** What the assistant says last; undefined where the row ends with something else, such as a call. */
export function lastAnswer({ messages }: Said): string | undefined {
  const last = messages.at(-1);
  return last?.role === "assistant" && !last.toolCalls ? (last.content ?? undefined) : undefined;
}

/** The row with another last answer; itself where it has none. */
export function withAnswer<T extends Said>(row: T, text: string): T {
  if (lastAnswer(row) === undefined) return row;
  return { ...row, messages: [...row.messages.slice(0, -1), { role: "assistant", content: text }] };
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Tool results since the user spoke last. */
export function lastResults({ messages }: Said): JsonObject[] {
  const from = messages.findLastIndex(({ role }) => role === "user");
  return messages
    .slice(from)
    .map((message) => (message.role === "tool" ? parsed(message.content) : undefined))
    .filter((result) => result !== undefined);
}

/** Why an edited row may not be used: weather that its tools did not report. Undefined where it may. */
export function badEdit(row: Said): string | undefined {
  const answer = lastAnswer(row);
  if (answer === undefined) return "there is no answer to edit";
  const results = lastResults(row);
  if (results.length === 0) return undefined;
  const said = row.messages.filter(({ role }) => role === "user").map(({ content }) => content);
  const { unsupported } = checkGrounded(answer, results, said.join("\n"));
  return unsupported.length > 0 ? `not in the tool's result: ${unsupported.join(", ")}` : undefined;
}
