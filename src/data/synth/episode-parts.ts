/** The shape of an episode: what the user says, rounds of calls with their results, and the answer. */
import type { Message, ToolCall, ToolMessage } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";

/** Calls that were made at once; the results are in their order. */
export interface Round {
  calls: readonly ToolCall[];
  results: readonly ToolMessage[];
}

export interface Parts {
  user: string;
  rounds: readonly Round[];
  answer: string;
}

/** system? (user (assistant-with-calls tool+)* assistant)+, every call answered once and in order; else undefined. */
export function exchangesOf(row: Conversation): Parts[] | undefined {
  const messages = row.messages[0]?.role === "system" ? row.messages.slice(1) : row.messages;
  const starts = messages.flatMap((message, i) => (message.role === "user" ? [i] : []));
  if (starts[0] !== 0) return undefined;
  const exchanges: Parts[] = [];
  for (const [i, start] of starts.entries()) {
    const parts = partsOf(messages.slice(start, starts[i + 1]));
    if (!parts) return undefined;
    exchanges.push(parts);
  }
  const ids = exchanges.flatMap(({ rounds }) =>
    rounds.flatMap(({ calls }) => calls.map(({ id }) => id)),
  );
  return new Set(ids).size === ids.length ? exchanges : undefined;
}

function partsOf([user, ...rest]: readonly Message[]): Parts | undefined {
  const last = rest.pop();
  if (user?.role !== "user" || user.content.trim() === "") return undefined;
  if (last?.role !== "assistant" || last.toolCalls || !last.content?.trim()) return undefined;
  const rounds: Round[] = [];
  for (let i = 0; i < rest.length;) {
    const asked = rest[i++]!;
    const calls = asked.role === "assistant" && !asked.content ? (asked.toolCalls ?? []) : [];
    const results: ToolMessage[] = [];
    for (let next = rest[i]; next?.role === "tool"; next = rest[++i]) results.push(next);
    const paired = results.every(
      ({ toolCallId, name }, at) =>
        toolCallId === calls[at]?.id && (name === undefined || name === calls[at]?.name),
    );
    if (calls.length === 0 || results.length !== calls.length || !paired) return undefined;
    rounds.push({ calls, results });
  }
  return { user: user.content, rounds, answer: last.content };
}
