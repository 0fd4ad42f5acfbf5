/**
 * Every synthetic episode is checked before it may train anything: format, schema, grounding of the
 * arguments, replay of the tools, and faithfulness of the answer. The first failure is the reason.
 */
import type { AssistantMessage, Message, Tool, ToolMessage } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { type JsonObject, canonicalJson, isJsonObject } from "../../core/json.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { validateCall } from "../../weather/validate-call.ts";
import { numberWord } from "./fill.ts";

export type RejectReason =
  | "format"
  | "schema"
  | "ungrounded-argument"
  | "replay"
  | "unfaithful"
  | "foreign-number"
  | "call-expected"
  | "call-unexpected";

interface Parts {
  user: string;
  call: AssistantMessage | undefined;
  results: ToolMessage[];
  answer: string;
}

/** system? (user (assistant-with-calls tool+)? assistant)+, every call answered once and in order. */
function exchangesOf(row: Conversation): Parts[] | undefined {
  const messages = row.messages[0]?.role === "system" ? row.messages.slice(1) : row.messages;
  const starts = messages.flatMap((message, i) => (message.role === "user" ? [i] : []));
  if (starts[0] !== 0) return undefined;
  const exchanges = starts.map((start, i) => partsOf(messages.slice(start, starts[i + 1])));
  const ids = exchanges.flatMap((parts) => parts?.call?.toolCalls?.map(({ id }) => id) ?? []);
  if (new Set(ids).size !== ids.length) return undefined;
  return exchanges.every((parts) => parts !== undefined) ? exchanges : undefined;
}

function partsOf([user, ...rest]: readonly Message[]): Parts | undefined {
  const last = rest.pop();
  if (user?.role !== "user" || user.content.trim() === "") return undefined;
  if (last?.role !== "assistant" || last.toolCalls || !last.content?.trim()) return undefined;
  const parts = { user: user.content, answer: last.content };
  const [call, ...results] = rest;
  if (call === undefined) return { ...parts, call: undefined, results: [] };
  const calls = call.role === "assistant" ? (call.toolCalls ?? []) : [];
  const answered = results.filter((message) => message.role === "tool");
  if (call.role !== "assistant" || calls.length === 0 || answered.length !== results.length) {
    return undefined;
  }
  if (answered.map((message) => message.toolCallId).join() !== calls.map(({ id }) => id).join()) {
    return undefined;
  }
  return { ...parts, call, results: answered };
}

/** Whether the user's text holds the value of an argument. */
export function isInText(key: string, value: unknown, text: string): boolean {
  if (key === "days" && typeof value === "number") {
    return new RegExp(`\\b(?:${value}|${numberWord(value)}) days?\\b`, "i").test(text);
  }
  if (typeof value !== "string") return false;
  // Places and dates are as typed; a unit is a fixed word, however it was typed.
  return key === "units" ? text.toLowerCase().includes(value) : text.includes(value);
}

function parseResult(message: ToolMessage): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(message.content);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Digits of the answer that neither the results nor the question hold. */
function hasForeignDigits(answer: string, sources: readonly string[]): boolean {
  const known = new Set(sources.flatMap((source) => source.match(/\d+/g) ?? []));
  return (answer.match(/\d+/g) ?? []).some((digits) => !known.has(digits));
}

const offers = (row: Conversation, name: string): boolean =>
  row.tools?.some((tool) => tool.name === name) ?? false;

const argumentsOf = (parts: Parts): JsonObject[] =>
  (parts.call?.toolCalls ?? []).map((call) => (isJsonObject(call.arguments) ? call.arguments : {}));

/**
 * What an argument of the exchange `at` may come from: its own message, and what it may take over. A
 * place is taken over from the call before it alone, so that no older one comes back; the rest from
 * anything that was said.
 */
function wasSaid(key: string, value: unknown, exchanges: readonly Parts[], at: number): boolean {
  if (isInText(key, value, exchanges[at]!.user)) return true;
  if (key !== "location")
    return exchanges.slice(0, at).some(({ user }) => isInText(key, value, user));
  const before = exchanges.slice(0, at).findLast((parts) => parts.call);
  return before !== undefined && argumentsOf(before).some(({ location }) => location === value);
}

/** Talk without a tool may mention snow; it may not state a reading. */
const READING = /\d\s*(?:°|%|-?degrees|per ?cent|mph|km\/h)/i;

/**
 * The reason to reject a row, or undefined. `tools` must run as they ran when the row was made. The row's
 * domain is that of its last exchange.
 */
export async function verifyEpisode(
  row: Conversation,
  tools: readonly Tool[],
  signal: AbortSignal,
): Promise<RejectReason | undefined> {
  const exchanges = exchangesOf(row);
  if (!exchanges) return "format";
  for (const [at, parts] of exchanges.entries()) {
    const isLast = at === exchanges.length - 1;
    const { domain } = row.tags;
    if (isLast) {
      const wantsCall = domain === "tool" || domain === "tool-error";
      if (wantsCall && !parts.call) return "call-expected";
      if (!wantsCall && parts.call) return "call-unexpected";
    }
    const results: JsonObject[] = [];
    for (const [i, call] of (parts.call?.toolCalls ?? []).entries()) {
      const check = validateCall(call, tools);
      if (!check.ok || !offers(row, call.name) || !isJsonObject(call.arguments)) return "schema";
      for (const [key, value] of Object.entries(call.arguments)) {
        if (!wasSaid(key, value, exchanges, at)) return "ungrounded-argument";
      }
      const stored = parseResult(parts.results[i]!);
      const replayed = await check.tool.run(check.args, signal);
      if (!stored || canonicalJson(stored) !== canonicalJson(replayed)) return "replay";
      if (isLast && "error" in stored !== (domain === "tool-error")) return "replay";
      results.push(stored);
    }
    if (!parts.call && (!isLast || domain === "no-tool")) {
      if (READING.test(parts.answer)) return "unfaithful";
      continue;
    }
    const said = exchanges
      .slice(0, at + 1)
      .map(({ user }) => user)
      .join("\n");
    if (!checkGrounded(parts.answer, results, said).grounded) return "unfaithful";
    const sources = [...parts.results.map((message) => message.content), said];
    if (hasForeignDigits(parts.answer, sources)) return "foreign-number";
  }
  return undefined;
}
