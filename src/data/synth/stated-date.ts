/** Days counted from a date that the conversation states: said one way, read back another. */
import type { Random } from "../../core/random.ts";
import { addDays, weekdayOf } from "../../weather/resolve-date.ts";

const MONTHS =
  "January February March April May June July August September October November December".split(
    " ",
  );
const NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight"];

const dayAndMonth = (date: string): [number, string] => [
  Number(date.slice(8)),
  MONTHS[Number(date.slice(5, 7)) - 1]!,
];

const ordinal = (day: number): string => {
  const teen = day > 10 && day < 14;
  return `${day}${(!teen && ["th", "st", "nd", "rd"][day % 10]) || "th"}`;
};

/** What stands after the voice in a system message. */
export function statedToday(date: string): string {
  const [day, month] = dayAndMonth(date);
  return `Today is ${weekdayOf(date)}, ${month} ${day}, ${date.slice(0, 4)} (${date}).`;
}

const STATED = /^(?:(\[[a-z]+\])\n)?(Today is .+ \((\d{4}-\d{2}-\d{2})\)\.)$/;

/** The voice and the date of a system message that states one; undefined where its words and figures differ. */
export function readStatedToday(system: string): { voice: string; today: string } | undefined {
  const [, voice = "", text, today] = STATED.exec(system) ?? [];
  if (today === undefined || Number.isNaN(Date.parse(today))) return undefined;
  return statedToday(today) === text ? { voice, today } : undefined;
}

/** A day one to ten days ahead as a person would say it. */
export function sayDay(today: string, random: Random): { date: string; words: string } {
  const ahead = random.integer(2, 8);
  const date = addDays(today, ahead);
  const [day, month] = dayAndMonth(date);
  const counted = ahead === 7 ? "a week from today" : `in ${NUMBERS[ahead]} days`;
  const words = random.pick([
    ...(ahead === 2 ? ["the day after tomorrow", "the day after tomorrow"] : []),
    counted,
    `${NUMBERS[ahead]} days from now`,
    `on the ${ordinal(day)}`,
    `on ${month} ${day}`,
    `on ${weekdayOf(date)} the ${ordinal(day)}`,
  ]);
  return { date, words };
}

/** Every date that a text names by counting from `today` or by its day of the month. */
export function countedDates(text: string, today: string): Set<string> {
  const found = new Set<string>();
  const said = text.toLowerCase();
  if (said.includes("day after tomorrow")) found.add(addDays(today, 2));
  if (said.includes("a week from today")) found.add(addDays(today, 7));
  for (const [, count = ""] of said.matchAll(/\b([a-z]+|\d) days from now\b/g))
    if (NUMBERS.includes(count)) found.add(addDays(today, NUMBERS.indexOf(count)));
  for (const [, count = ""] of said.matchAll(/\bin ([a-z]+) days\b/g))
    if (NUMBERS.includes(count)) found.add(addDays(today, NUMBERS.indexOf(count)));
  const month = MONTHS.join("|").toLowerCase();
  const days = new RegExp(
    `\\b(?:on (?:[a-z]+day )?the (\\d{1,2})(?:st|nd|rd|th)|on (${month}) (\\d{1,2}))\\b`,
    "g",
  );
  for (const [, bare, named, ofMonth] of said.matchAll(days)) {
    // The next such day, today included.
    for (let ahead = 0; ahead < 31; ahead++) {
      const date = addDays(today, ahead);
      const [day, name] = dayAndMonth(date);
      if (
        day === Number(bare ?? ofMonth) &&
        (named === undefined || name.toLowerCase() === named)
      ) {
        found.add(date);
        break;
      }
    }
  }
  return found;
}
