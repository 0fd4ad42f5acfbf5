/** Words such as "tomorrow" or "Saturday" as ISO dates. */
import { z } from "zod";

export const WEEKDAYS = [
  "Sunday",
  "Monday",
  "Tuesday",
  "Wednesday",
  "Thursday",
  "Friday",
  "Saturday",
] as const;

/** Forecasts reach this many days past today. */
export const HORIZON_DAYS = 15;
const DAY_MS = 86_400_000;
const IsoDate = z.iso.date();

export const addDays = (date: string, days: number): string =>
  new Date(Date.parse(date) + days * DAY_MS).toISOString().slice(0, 10);

export const weekdayOf = (date: string): (typeof WEEKDAYS)[number] =>
  WEEKDAYS[new Date(Date.parse(date)).getUTCDay()]!;

/** `ahead`: days from the place's today. */
export type ResolvedDate = { date: string; ahead: number } | { error: "bad_date"; message: string };

/**
 * `today|tonight|tomorrow|weekday|YYYY-MM-DD` → ISO date, where `today` is the date at the place (see
 * `ZoneClock`); a weekday is the next one, today included.
 */
export function resolveDate(text: string, today: string): ResolvedDate {
  const word = text.trim().toLowerCase();
  const weekday = WEEKDAYS.findIndex((name) => name.toLowerCase() === word);
  let date: string;
  if (word === "today" || word === "tonight") date = today;
  else if (word === "tomorrow") date = addDays(today, 1);
  else if (weekday >= 0) {
    date = addDays(today, (weekday - WEEKDAYS.indexOf(weekdayOf(today)) + 7) % 7);
  } else if (IsoDate.safeParse(word).success) date = word;
  else {
    return {
      error: "bad_date",
      message: `"${text}" is not a date: use today, tonight, tomorrow, a weekday or YYYY-MM-DD.`,
    };
  }
  const ahead = Math.round((Date.parse(date) - Date.parse(today)) / DAY_MS);
  if (ahead < 0) {
    return { error: "bad_date", message: `${date} is past; today is ${today} there.` };
  }
  if (ahead > HORIZON_DAYS) {
    return {
      error: "bad_date",
      message: `${date} is ${ahead} days ahead; forecasts reach ${HORIZON_DAYS} days.`,
    };
  }
  return { date, ahead };
}
