/** Questions that name no place, and the call that waits for one. */
import type { Random } from "../../core/random.ts";
import { type Template, type WeatherToolName, wordDate, wordDays } from "./ask.ts";
import { type Fact, factsAsked } from "./asked-facts.ts";
import { fill, numberWord } from "./fill.ts";

/** `tool` where the question was made from one of that tool's, and has slots for its time. */
export interface MissingTemplate extends Template {
  tool?: WeatherToolName;
}

export interface PendingCall {
  tool: WeatherToolName;
  /** As it was typed; empty where the tool takes no date. */
  date: string;
  /** "on Saturday": how an answer repeats the date. */
  when: string;
  /** "three days", as it was typed, and how many. */
  days: string;
  count: number;
  /** What was asked for by name. */
  wants: readonly Fact[];
}

const DATE =
  /\b(?:today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b/gi;
/** More days than these would not fit a small model's rows. */
const DAYS = /\b(two|three|four|2|3|4) days\b/i;
/** Two dates, spans without a length, and questions that say where after all have no one right call. */
const UNCLEAR =
  /\b(?:week|weekend|before|until|by|morrow|evening|afternoon|morning|christmas|where i am|house|home|tues|tuesdays)\b/i;
const VAGUE =
  /\bdays?\b|\b(?:forecast|outlook|seven|coming|next|ahead|ever|when|yet|expected|way|headed|going to|will|\d{4}-\d{2}-\d{2})\b/i;

/** "in {place}" with the preposition before it. */
const PLACE = /,? (?:in|at|around|near|over|for|from) \{place\}(?=[ ,.?!;:]|$)/;
/** What is no sentence any more when its place is gone. */
const HANGING =
  /\b(?:I'm|am|are|live|lives|stay|stays|down|up|hang|headed|standing|stuck|moor|walk|out|left|back)$/i;

/** The same question without its place; undefined where the place cannot be left out. */
export function withoutPlace(text: string): string | undefined {
  const found = PLACE.exec(text);
  if (!found || HANGING.test(text.slice(0, found.index))) return undefined;
  const rest = text.replace(PLACE, "");
  return rest.includes("{place}") ? undefined : rest;
}

/** What is said, and the call that it waits for, if there is one right call. */
export interface Said {
  text: string;
  pending?: PendingCall;
}

export function sayMissing({ text, tool }: MissingTemplate, now: Date, random: Random): Said {
  if (!tool) {
    const pending = pendingCall(text);
    return { text, ...(pending && { pending }) };
  }
  const date = wordDate("UTC", now, text, random);
  const days = wordDays(random);
  const pending: PendingCall = {
    tool,
    wants: factsAsked(text),
    date: tool === "get_weather" ? date.date : "",
    when: tool === "get_weather" ? date.when : "",
    days: tool === "get_forecast" ? days.words : "",
    count: tool === "get_forecast" ? days.count : 0,
  };
  return {
    text: fill(text, { date: date.date, on_date: date.onDate, days: days.words }),
    pending,
  };
}

/** The same, typed in lower case. */
export const lowered = ({ text, pending }: Said): Said => ({
  text: text.toLowerCase(),
  ...(pending && {
    pending: { ...pending, date: pending.date.toLowerCase(), days: pending.days.toLowerCase() },
  }),
});

/** Read off the words; undefined where they leave the tool or its time open. */
export function pendingCall(text: string): PendingCall | undefined {
  const none = { date: "", when: "", days: "", count: 0, wants: factsAsked(text) };
  const days = DAYS.exec(text);
  const dates = text.match(DATE) ?? [];
  if (UNCLEAR.test(text)) return undefined;
  if (days && dates.length === 0) {
    const typed = days[1]!.toLowerCase();
    const count = [2, 3, 4].find((value) => typed === String(value) || typed === numberWord(value));
    return { ...none, tool: "get_forecast", days: days[0], count: count! };
  }
  if (dates.length === 1) {
    const date = dates[0]!;
    const isWeekday = /day$/i.test(date) && !/^today$/i.test(date);
    const when = isWeekday
      ? `on ${date.charAt(0).toUpperCase()}${date.slice(1).toLowerCase()}`
      : date.toLowerCase();
    return { ...none, tool: "get_weather", date, when };
  }
  if (dates.length > 1 || VAGUE.test(text)) return undefined;
  return { ...none, tool: "get_current_weather" };
}
