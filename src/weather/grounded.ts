/**
 * Whether an answer says only what the tools said. No model judges: each number, date, weekday and
 * weather word of the answer is a claim, looked up in the facts of the results.
 */
import { type JsonObject, isJsonObject } from "../core/json.ts";
import { conditionClaims } from "./condition-claims.ts";
import { numberClaims } from "./number-claims.ts";
import { plainName } from "./place.ts";
import { WEEKDAYS, weekdayOf } from "./resolve-date.ts";

export interface Grounding {
  /** The claims that no result supports, in the answer's own words. */
  unsupported: string[];
  mentioned: {
    /** Supported number claims. */
    numbers: number;
    /** A weather condition of a result is named. */
    conditions: boolean;
    /** Every place that has a result is named. */
    place: boolean;
  };
  /** Nothing unsupported, every place named, and at least one temperature or condition given. */
  grounded: boolean;
}

/** What one result, or one day of a forecast, establishes. */
export interface Facts {
  city: string;
  date: string | undefined;
  conditions: string | undefined;
  units: string | undefined;
  high: number | undefined;
  low: number | undefined;
  temperature: number | undefined;
  feelsLike: number | undefined;
  chance: number | undefined;
  humidity: number | undefined;
  wind: number | undefined;
}

const number = (value: unknown): number | undefined =>
  typeof value === "number" ? value : undefined;
const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

/** One record per result, per day of a forecast, or per place of a comparison; none for an error. */
function factsOf(result: JsonObject): Facts[] {
  if ("error" in result) return [];
  if (Array.isArray(result.places)) {
    const { units } = result;
    return result.places.flatMap((place) =>
      isJsonObject(place) ? factsOf({ ...place, ...(units !== undefined && { units }) }) : [],
    );
  }
  const days = Array.isArray(result.days) ? result.days.filter(isJsonObject) : [result];
  return days.map((day) => {
    return {
      city: text(result.location)?.split(",")[0]?.trim() ?? "",
      date: text(day.date),
      conditions: text(day.conditions),
      units: text(result.units),
      high: number(day.high),
      low: number(day.low),
      temperature: number(day.temperature),
      feelsLike: number(day.feels_like),
      chance: number(day.precipitation_chance),
      humidity: number(day.humidity),
      wind: number(day.wind_speed),
    };
  });
}

const MONTHS =
  "January February March April May June July August September October November December".split(
    " ",
  );
const DATES = new RegExp(
  `(\\d{4})-(\\d{2})-(\\d{2})|\\b(${MONTHS.join("|")}) (\\d{1,2})(?:st|nd|rd|th)?\\b(?:,? \\d{4})?|\\b(\\d{1,2})(?:st|nd|rd|th)?(?: of)? (${MONTHS.join("|")})\\b|\\b(\\d{1,2})(?:st|nd|rd|th)\\b`,
  "g",
);

/** Takes the dates out of the answer, reporting those that no result carries. */
function checkDates(answer: string, facts: readonly Facts[], unsupported: string[]): string {
  const known = facts.flatMap((fact) => (fact.date ? [fact.date] : []));
  return answer.replace(DATES, (match, ...groups: (string | undefined)[]) => {
    const month = groups[3] ?? groups[6];
    const day = (groups[4] ?? groups[5] ?? groups[7])?.padStart(2, "0");
    const tail =
      groups[0] !== undefined
        ? match
        : month === undefined
          ? `-${day}`
          : `-${String(MONTHS.indexOf(month) + 1).padStart(2, "0")}-${day}`;
    if (!known.some((date) => date.endsWith(tail))) unsupported.push(match);
    return " ".repeat(match.length);
  });
}

const spoken = (value: string): string => ` ${plainName(value).replace(/\bst\b/g, "saint")} `;
const names = (sentence: string, city: string): boolean =>
  city !== "" && spoken(sentence).includes(spoken(city));

const weekdaysIn = (sentence: string): string[] =>
  WEEKDAYS.filter((day) => new RegExp(`\\b${day}s?\\b`, "i").test(sentence));

/** The records that a sentence is about: its weekdays and places narrow them down. */
function inScope(sentence: string, facts: readonly Facts[]): readonly Facts[] {
  const days = weekdaysIn(sentence);
  const ofDay = facts.filter((fact) => fact.date && days.includes(weekdayOf(fact.date)));
  const dated = ofDay.length > 0 ? ofDay : facts;
  const ofPlace = dated.filter((fact) => names(sentence, fact.city));
  return ofPlace.length > 0 ? ofPlace : dated;
}

/** Dots after "St." and the like split too often, which only widens a scope. */
const sentencesOf = (answer: string): string[] => answer.split(/(?<=[.!?;])\s+|\n+/);

/**
 * Checks an answer against the tool results it was given. An error result establishes nothing, so
 * after one every weather number is unsupported. `question` lends numbers that it itself contains.
 */
export function checkGrounded(
  answer: string,
  results: readonly JsonObject[],
  question = "",
): Grounding {
  const facts = results.flatMap(factsOf);
  const unsupported: string[] = [];
  const known = facts.flatMap((fact) => (fact.date ? [weekdayOf(fact.date)] : []));
  const asked = weekdaysIn(question);
  let numbers = 0;
  let temperatures = 0;
  let conditions = false;

  for (const sentence of sentencesOf(checkDates(answer, facts, unsupported))) {
    const scope = inScope(sentence, facts);
    for (const day of weekdaysIn(sentence)) {
      if (!known.some((name) => name === day) && !(known.length === 0 && asked.includes(day))) {
        unsupported.push(day);
      }
    }
    // Names may hold digits or weather words ("Rainy Lake", "Snow Hill").
    const rest = [...new Set(facts.map((fact) => fact.city))].reduce(
      (left, city) => (city === "" ? left : left.replaceAll(city, " ".repeat(city.length))),
      sentence,
    );
    for (const claim of numberClaims(rest, scope, { question, days: dayCounts(results) })) {
      if (!claim.supported) unsupported.push(claim.text);
      else {
        numbers++;
        if (claim.kind === "temperature") temperatures++;
      }
    }
    // Without any result there was no report to contradict, and "as welcome as rain" is only talk.
    for (const claim of results.length > 0 ? conditionClaims(rest, scope) : []) {
      if (!claim.supported) unsupported.push(claim.text);
      else if (!claim.denied) conditions = true;
    }
  }
  const place = facts.length > 0 && facts.every((fact) => names(answer, fact.city));
  return {
    unsupported,
    mentioned: { numbers, conditions, place },
    grounded:
      unsupported.length === 0 &&
      (facts.length === 0 || (place && (temperatures > 0 || conditions))),
  };
}

const dayCounts = (results: readonly JsonObject[]): number[] =>
  results.flatMap((result) => (Array.isArray(result.days) ? [result.days.length] : []));
