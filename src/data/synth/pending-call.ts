/** What a question that names no place is about, read off its words: the call that waits for the place. */
import type { WeatherToolName } from "./ask.ts";
import { numberWord } from "./fill.ts";

export interface PendingCall {
  tool: WeatherToolName;
  /** As it was typed; empty where the tool takes no date. */
  date: string;
  /** "on Saturday": how an answer repeats the date. */
  when: string;
  /** "three days", as it was typed, and how many. */
  days: string;
  count: number;
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

/** Undefined where the words leave the tool or its time open. */
export function pendingCall(text: string): PendingCall | undefined {
  const none = { date: "", when: "", days: "", count: 0 };
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
