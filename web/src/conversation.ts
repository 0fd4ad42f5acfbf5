/** The conversation on the page: letters and answers, and how events change them. */
import type { WireMessage } from "../../src/core/chat.ts";
import type { Persona } from "../../src/core/conversation.ts";
import type { AnswerEvent, RunCall } from "./api.ts";

export type Part = { kind: "text"; text: string } | { kind: "telegram"; call: RunCall };

export interface Letter {
  role: "user";
  id: number;
  text: string;
}

export interface Answer {
  role: "assistant";
  id: number;
  persona: Persona;
  model: string;
  parts: Part[];
  status: "writing" | "done" | "stopped" | "failed";
  /** It ran out of room. */
  cut: boolean;
  /** Earlier letters that no longer fitted into the model's context. */
  forgotten: number;
  problem?: string;
}

export type Entry = Letter | Answer;

export type Change =
  | { type: "ask"; id: number; text: string; persona: Persona; model: string }
  | { type: "event"; event: AnswerEvent }
  | { type: "end"; status: Exclude<Answer["status"], "writing">; problem?: string }
  | { type: "forget"; letters: number }
  | { type: "clear" };

function grow(parts: Part[], event: AnswerEvent): Part[] {
  if (event.type === "text") {
    const last = parts.at(-1);
    if (last?.kind === "text")
      return [...parts.slice(0, -1), { kind: "text", text: last.text + event.text }];
    return [...parts, { kind: "text", text: event.text.trimStart() }];
  }
  if (event.type === "call") {
    const known = parts.some((part) => part.kind === "telegram" && part.call.id === event.call.id);
    if (!known) return [...parts, { kind: "telegram", call: event.call }];
    return parts.map((part) =>
      part.kind === "telegram" && part.call.id === event.call.id
        ? { ...part, call: event.call }
        : part,
    );
  }
  return parts;
}

function changeLast(entries: Entry[], change: (answer: Answer) => Answer): Entry[] {
  const last = entries.at(-1);
  return last?.role === "assistant" ? [...entries.slice(0, -1), change(last)] : entries;
}

export function reduce(entries: Entry[], change: Change): Entry[] {
  switch (change.type) {
    case "ask": {
      const { id, text, persona, model } = change;
      const answer: Answer = {
        role: "assistant",
        id: id + 1,
        persona,
        model,
        parts: [],
        status: "writing",
        cut: false,
        forgotten: 0,
      };
      return [...entries, { role: "user", id, text }, answer];
    }
    case "event":
      return changeLast(entries, (answer) => ({
        ...answer,
        parts: grow(answer.parts, change.event),
        cut: answer.cut || change.event.type === "cut",
      }));
    case "end":
      return changeLast(entries, (answer) => ({
        ...answer,
        status: change.status,
        ...(change.problem !== undefined && { problem: change.problem }),
      }));
    case "forget":
      return changeLast(entries, (answer) => ({ ...answer, parts: [], forgotten: change.letters }));
    case "clear":
      return [];
  }
}

export const textOf = (answer: Answer): string =>
  answer.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n\n");

/** An answer as a model's history holds it: calls, results, words. */
function answerMessages(answer: Answer): WireMessage[] {
  const calls = answer.parts.flatMap((part) =>
    part.kind === "telegram" && part.call.result ? [part.call] : [],
  );
  const [first, ...rest] = calls.map((call) => ({
    id: call.id,
    type: "function" as const,
    function: { name: call.name, arguments: JSON.stringify(call.arguments) },
  }));
  const text = textOf(answer);
  return [
    ...(first
      ? [
          {
            role: "assistant" as const,
            content: null,
            tool_calls: [first, ...rest] as [typeof first, ...typeof rest],
          },
        ]
      : []),
    ...calls.map((call) => ({
      role: "tool" as const,
      tool_call_id: call.id,
      name: call.name,
      content: JSON.stringify(call.result),
    })),
    ...(text ? [{ role: "assistant" as const, content: text }] : []),
  ];
}

/** Each letter with its answer, oldest first; failed exchanges are left out. */
export function exchanges(entries: readonly Entry[]): WireMessage[][] {
  const pairs: WireMessage[][] = [];
  for (const [at, entry] of entries.entries()) {
    const answer = entries[at + 1];
    if (entry.role !== "user" || answer?.role !== "assistant") continue;
    const said = answerMessages(answer);
    if (answer.status !== "failed" && said.at(-1)?.role === "assistant")
      pairs.push([{ role: "user", content: entry.text }, ...said]);
  }
  return pairs;
}
