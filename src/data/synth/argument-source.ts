/** Where the arguments of a call may come from: what was said, what a tool answered, a date that was stated. */
import { type JsonObject, type JsonValue, isJsonObject } from "../../core/json.ts";
import type { Parts } from "./episode-parts.ts";
import { numberWord } from "./fill.ts";
import { countedDates } from "./stated-date.ts";

/** Whether the user's text holds the value of an argument. */
export function isInText(key: string, value: unknown, text: string): boolean {
  if (key === "days" && typeof value === "number") {
    return new RegExp(`\\b(?:${value}|${numberWord(value)}) days?\\b`, "i").test(text);
  }
  if (Array.isArray(value))
    return (
      new Set(value).size === value.length &&
      value.every((item) => typeof item === "string" && text.includes(item))
    );
  if (typeof value !== "string") return false;
  // Places and dates are as typed; a unit is a fixed word, however it was typed.
  return key === "units" ? text.toLowerCase().includes(value) : text.includes(value);
}

const argumentsOf = ({ rounds }: Parts): JsonObject[] =>
  rounds.flatMap(({ calls }) =>
    calls.map((call) => (isJsonObject(call.arguments) ? call.arguments : {})),
  );

/** What the exchange `at` may draw on beside what was said. */
export interface Known {
  exchanges: readonly Parts[];
  at: number;
  /** Results of this exchange's earlier rounds. */
  results: readonly JsonObject[];
  /** The date that the system message states, if it does. */
  today: string | undefined;
}

/** Read off a map, never off what was said: these come from an earlier result alone. */
const LOOKED_UP = new Set(["latitude", "longitude"]);

/**
 * Whether an argument has a source. A place is taken over from the call before it alone, so that no older
 * one comes back; the rest from anything that was said.
 */
export function wasSaid(key: string, value: JsonValue, known: Known): boolean {
  const { exchanges, at, results, today } = known;
  if (LOOKED_UP.has(key)) return results.at(-1)?.[key] === value;
  const { user } = exchanges[at]!;
  if (isInText(key, value, user)) return true;
  if (key === "date" && today !== undefined)
    return typeof value === "string" && countedDates(user, today).has(value);
  if (key !== "location")
    return exchanges.slice(0, at).some((parts) => isInText(key, value, parts.user));
  const before = exchanges.slice(0, at).findLast(({ rounds }) => rounds.length > 0);
  return before !== undefined && argumentsOf(before).some(({ location }) => location === value);
}

const UNITS = /\b(celsius|fahrenheit)\b/i;

/** A unit that is asked for is an argument of every call that takes one. */
export function lacksUnits(user: string, given: JsonObject, takesUnits: boolean): boolean {
  const asked = UNITS.exec(user)?.[1]?.toLowerCase();
  return takesUnits && asked !== undefined && given.units !== asked;
}
