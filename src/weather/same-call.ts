/**
 * Whether calls are the right ones. Only what is declared here is forgiven: letter case and spacing
 * in the text of a place, and letter case in a date word. Everything else must be equal.
 */
import type { ToolCall } from "../core/chat.ts";
import { type JsonObject, type JsonValue, canonicalJson, isJsonObject } from "../core/json.ts";

export type CallOutcome =
  | "match"
  /** A call was right and none was made. */
  | "no-call"
  /** No call was right and one was made. */
  | "unexpected-call"
  | "wrong-count"
  | "wrong-name"
  /** Arguments that are not one JSON object. */
  | "malformed"
  | "missing-argument"
  | "extra-argument"
  | "wrong-type"
  | "wrong-value";

type Call = Pick<ToolCall, "name" | "arguments">;

function normal(key: string, value: JsonValue): JsonValue {
  if (typeof value !== "string") return value;
  if (key === "location") {
    return value.toLowerCase().replace(/\s+/g, " ").replace(/ ?, ?/g, ", ").trim();
  }
  return key === "date" ? value.toLowerCase().trim() : value;
}

const kind = (value: JsonValue): string =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

function compareArguments(actual: JsonValue, expected: JsonObject): CallOutcome {
  if (!isJsonObject(actual)) return "malformed";
  for (const key of Object.keys(expected)) {
    if (!Object.hasOwn(actual, key)) return "missing-argument";
  }
  for (const key of Object.keys(actual)) if (!Object.hasOwn(expected, key)) return "extra-argument";
  for (const [key, value] of Object.entries(expected)) {
    if (kind(actual[key]!) !== kind(value)) return "wrong-type";
    if (canonicalJson(normal(key, actual[key]!)) !== canonicalJson(normal(key, value))) {
      return "wrong-value";
    }
  }
  return "match";
}

/** Compares in any order; `match` only when every call pairs with one expected call and none is left. */
export function sameCalls(
  actual: readonly Call[],
  expected: readonly { name: string; arguments: JsonObject }[],
): CallOutcome {
  if (expected.length === 0) return actual.length === 0 ? "match" : "unexpected-call";
  if (actual.length === 0) return "no-call";
  if (actual.length !== expected.length) return "wrong-count";
  // Taking the first equal call is exact, because "equal after normalising" is an equivalence.
  const left = [...actual];
  let worst: CallOutcome = "match";
  for (const wanted of expected) {
    const named = left.filter((call) => call.name === wanted.name);
    const outcomes = named.map((call) => compareArguments(call.arguments, wanted.arguments));
    const hit = outcomes.indexOf("match");
    if (hit >= 0) left.splice(left.indexOf(named[hit]!), 1);
    else if (worst === "match") worst = outcomes[0] ?? "wrong-name";
  }
  return worst;
}
