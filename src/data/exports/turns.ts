/** A conversation as export formats write it: what is said, and calls together with their results. */
import type { AssistantMessage, ToolCall, ToolDefinition, ToolMessage } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";

export interface SaidTurn {
  kind: "said";
  role: "system" | "user" | "assistant";
  content: string;
}

export interface AnsweredCall {
  id: string;
  name: string;
  arguments: JsonObject;
  /** What the tool answered, as text. */
  result: string;
}

/** Calls that the assistant made at once, each with its result. */
export interface CalledTurn {
  kind: "called";
  /** What the assistant said beside the calls. */
  text: string | null;
  calls: [AnsweredCall, ...AnsweredCall[]];
}

export type Turn = SaidTurn | CalledTurn;

/** Why a conversation cannot be written in a format; counted and shown. */
export interface LeftOut {
  leftOut: string;
}

function answer(call: ToolCall, results: readonly ToolMessage[]): AnsweredCall | LeftOut {
  const [own, another] = results.filter(({ toolCallId }) => toolCallId === call.id);
  if (!own || another) return { leftOut: "a call without exactly one result" };
  if (!isJsonObject(call.arguments)) return { leftOut: "arguments that are not a JSON object" };
  return { id: call.id, name: call.name, arguments: call.arguments, result: own.content };
}

function assistantTurn(message: AssistantMessage, results: readonly ToolMessage[]): Turn | LeftOut {
  const calls: AnsweredCall[] = [];
  for (const call of message.toolCalls ?? []) {
    const answered = answer(call, results);
    if ("leftOut" in answered) return answered;
    calls.push(answered);
  }
  const [first, ...rest] = calls;
  if (results.length > calls.length) return { leftOut: "a result without its call" };
  if (first) return { kind: "called", text: message.content, calls: [first, ...rest] };
  return message.content === null
    ? { leftOut: "an assistant turn with neither text nor calls" }
    : { kind: "said", role: "assistant", content: message.content };
}

/**
 * The turns of a conversation: one with a user in it that ends with the assistant's words, and in which
 * every call is answered right after it. Results come in the order of their calls.
 */
export function turnsOf({ messages }: Conversation): Turn[] | LeftOut {
  const turns: Turn[] = [];
  let i = 0;
  while (i < messages.length) {
    const message = messages[i++]!;
    if (message.role === "tool") return { leftOut: "a result without its call" };
    if (message.role !== "assistant") {
      turns.push({ kind: "said", role: message.role, content: message.content });
      continue;
    }
    const results: ToolMessage[] = [];
    for (let next = messages[i]; next?.role === "tool"; next = messages[++i]) results.push(next);
    const turn = assistantTurn(message, results);
    if ("leftOut" in turn) return turn;
    turns.push(turn);
  }
  if (!messages.some(({ role }) => role === "user")) return { leftOut: "no user turn" };
  const last = turns.at(-1);
  return last?.kind === "said" && last.role === "assistant"
    ? turns
    : { leftOut: "not ended by the assistant" };
}

/** Writes a conversation from its turns and the tools that were offered in it. */
export const byTurns =
  <Row>(
    write: (turns: readonly Turn[], tools: readonly ToolDefinition[]) => { row: Row } | LeftOut,
  ) =>
  (conversation: Conversation): { row: Row } | LeftOut => {
    const turns = turnsOf(conversation);
    return "leftOut" in turns ? turns : write(turns, conversation.tools ?? []);
  };
