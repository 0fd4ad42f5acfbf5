/** Whether a question said in other words still asks for the same call. */
import { plainName } from "../../weather/place.ts";
import { WEEKDAYS } from "../../weather/resolve-date.ts";
import type { Question } from "../synth/ask.ts";
import { questionKey } from "../synth/cases.ts";
import { numberWord } from "../synth/fill.ts";
import { countWords } from "../steps/sentences.ts";

const MONTHS =
  "january february march april june july august september october november december".split(" ");
/** Every way to name a day or a stretch of days, but the number of days of a forecast. */
const DATES = new RegExp(
  `\\b\\d{4}-\\d{2}-\\d{2}\\b|\\b(?:${WEEKDAYS.join("|")}|${MONTHS.join("|")}|today|tonight|tomorrow|yesterday|weekends?|weekdays?|(?:this|next|last|all|the|coming) (?:week|month|morning|afternoon|evening|night)|fortnight|hours?|overnight)\\b`,
  "gi",
);
const UNITS = /\b(celsius|centigrade|fahrenheit|kelvin)\b|°\s?([cf])\b/gi;
const DAYS =
  /\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|couple|few|several)[ -]days?\b/gi;

/** Words with a capital within a sentence: names, mostly. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/(?<!^|[.?!]["']? )\b\p{Lu}[\p{L}'-]+/gu)].map(([word]) => word);
}

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([whole]) => whole.toLowerCase());

/** The phrases that a paraphrase must hold letter for letter, for the prompt. */
export const keptWords = ({ location, date, days, arguments: args }: Question): string[] => [
  location,
  ...(date === "" ? [] : [date]),
  ...(days === "" ? [] : [days]),
  ...(typeof args.units === "string" ? [args.units] : []),
];

/** Without its place and date a question is a phrasing, which the evaluation may have held out. */
export const phrasingKey = (text: string, { location, date, days }: Question): string =>
  questionKey(
    [location, `on ${date}`, `this ${date}`, date, days]
      .filter((part) => part !== "" && (date !== "" || !part.endsWith(" ")))
      .reduce((left, part) => left.replaceAll(part, " "), text),
  );

/** Why a text does not ask what the question asks; undefined where it does. */
export function entailmentProblem(text: string, question: Question): string | undefined {
  const { location, date, arguments: args } = question;
  if (text.includes("\n")) return "several lines";
  if (countWords(text) < 3) return "too short";
  if (countWords(text) > 35) return "too long";
  if (questionKey(text) === questionKey(question.text)) return "says the same";
  if (!text.includes(location)) return "place is gone";
  const rest = text.replace(location, " ");
  if (rest.includes(location)) return "place comes twice";
  if (date !== "" && !text.includes(date)) return "date is gone";
  if (found(rest, DATES).some((each) => each !== date.toLowerCase())) return "another date";
  // "Next Saturday" is not "Saturday"; "the next three days" is a forecast's.
  if (args.days === undefined && /\bnext\b/i.test(rest) && !/\bnext\b/i.test(question.text))
    return "another date";
  const spans = found(rest, DAYS).map((each) => each.replace("-", " ").split(" ")[0]);
  const count = typeof args.days === "number" ? args.days : undefined;
  if (count === undefined ? spans.length > 0 : spans.length !== 1) return "another number of days";
  if (count !== undefined && ![String(count), numberWord(count)].includes(spans[0]!))
    return "another number of days";
  const units = [...rest.matchAll(UNITS)].map(([, word, letter]) =>
    word
      ? word.toLowerCase().replace("centigrade", "celsius")
      : letter!.toLowerCase() === "c"
        ? "celsius"
        : "fahrenheit",
  );
  const unit = typeof args.units === "string" ? [args.units] : [];
  if ([...new Set(units)].join() !== unit.join()) return "another unit";
  // Digits are the date's, the number of days, or part of the place.
  const known = new Set(question.text.match(/\d+/g) ?? []);
  if (count !== undefined) known.add(String(count));
  if ((rest.match(/\d+/g) ?? []).some((digits) => !known.has(digits))) return "foreign number";
  const said = plainName(question.text).split(" ");
  if (
    namesIn(rest).some(
      (name) =>
        !plainName(name)
          .split(" ")
          .every((word) => said.includes(word) || /^(?:celsius|fahrenheit)$/.test(word)),
    )
  )
    return "another name";
  return undefined;
}
