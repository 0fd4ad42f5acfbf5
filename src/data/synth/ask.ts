/** One weather question as a person might type it, with the call that answers it. */
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { type Place, stateAbbreviation } from "../../weather/place.ts";
import { WEEKDAYS, addDays } from "../../weather/resolve-date.ts";
import { createZoneClock } from "../../weather/zone-clock.ts";
import { type Fact, factsAsked } from "./asked-facts.ts";
import { fill, numberWord } from "./fill.ts";

export type WeatherToolName = "get_weather" | "get_current_weather" | "get_forecast";

/** A phrasing and the name it goes by in split keys and lineage. */
export interface Template {
  id: string;
  text: string;
}

export interface Question {
  tool: WeatherToolName;
  template: string;
  text: string;
  arguments: JsonObject;
  /** The place, letter for letter as it was typed. */
  location: string;
  /** So is the date; empty where none was asked. */
  date: string;
  /** "today", "on Saturday": how an answer repeats the date; empty where none was asked. */
  when: string;
  /** "three days", as it was typed. */
  days: string;
  /** What it asks for by name. */
  wants: readonly Fact[];
}

/** How often a question names the area of its place, is all in lower case, or asks for units. */
export interface AskShares {
  area: number;
  lower: number;
  units: number;
}

/** As people ask, by our guess: the questions that a model is measured on. */
export const USUAL: AskShares = { area: 0.4, lower: 0.12, units: 0.08 };

/** For rows that teach: what is hard to repeat comes more often than people say it. */
export const TAUGHT: AskShares = { area: 0.5, lower: 0.3, units: 0.16 };

/** A place for a row that teaches: of three draws one of several words, the hard ones to repeat whole. */
export function drawTaughtPlace(random: Random, places: readonly Place[]): Place {
  const draws = [random.pick(places), random.pick(places), random.pick(places)] as const;
  return draws.find(({ name }) => name.includes(" ")) ?? draws[0];
}

/** The place as a person would name it: alone, or with its state or country. */
export function wordPlace(place: Place, random: Random, share = USUAL.area): string {
  if (random.next() >= share) return place.name;
  const short = stateAbbreviation(place.region);
  if (place.country === "United States" && short) {
    return `${place.name}, ${random.next() < 0.15 ? short : place.region}`;
  }
  const area = place.region !== "" && random.next() < 0.3 ? place.region : place.country;
  return area === place.name ? place.name : `${place.name}, ${area}`;
}

export interface DateWords {
  /** The argument, and `{date}`. */
  date: string;
  onDate: string;
  when: string;
}

/** A date as a person would name it. `template` is looked at: nobody asks whether the night will be sunny. */
export function wordDate(timezone: string, now: Date, template: string, random: Random): DateWords {
  const draw = random.next();
  const plain = (word: string): DateWords => ({ date: word, onDate: word, when: word });
  if (draw < 0.2) return plain("today");
  if (draw < 0.32) {
    return plain(/sunny|\bhot\b|warm|mow|beach|wash|paint/i.test(template) ? "today" : "tonight");
  }
  if (draw < 0.6) return plain("tomorrow");
  if (draw < 0.96) {
    const day = random.pick(WEEKDAYS);
    const form = random.next();
    const onDate = form < 0.82 ? `on ${day}` : form < 0.94 ? `this ${day}` : day;
    return { date: day, onDate, when: `on ${day}` };
  }
  const date = addDays(createZoneClock().date(now, timezone), random.integer(0, 9));
  // An answer does not read figures out.
  return { date, onDate: `on ${date}`, when: "that day" };
}

/** Days asked for: two or three as a rule, in words as a rule; more would not fit a small model's rows. */
export function wordDays(random: Random): { count: number; words: string } {
  const draw = random.next();
  const count = draw < 0.6 ? 2 : draw < 0.95 ? 3 : 4;
  return { count, words: `${random.next() < 0.65 ? numberWord(count) : count} days` };
}

function askUnits(text: string, name: string, random: Random): string {
  const end = /[.?!]$/.exec(text)?.[0] ?? "";
  const body = end === "" ? text : text.slice(0, -1);
  return random.pick([
    `${body}, in ${name}${end}`,
    `${body} in ${name}${end}`,
    `${text}${end === "" ? "." : ""} In ${name}, please.`,
    `${text}${end === "" ? "." : ""} Use ${name}.`,
  ]);
}

/** Hasty typing: sometimes all in lower case, or a small first letter, or no stop at the end. */
export function careless(
  text: string,
  lower: number,
  random: Random,
): { text: string; lower: boolean } {
  const draw = random.next();
  const unstopped = random.next() < 0.12 ? text.replace(/[.?!]$/, "") : text;
  if (draw < lower) return { text: unstopped.toLowerCase(), lower: true };
  // A first word such as a place keeps its capital; only a plain sentence start loses it.
  if (draw < lower + 0.08 && /^(?:What|How|Will|Is|Can|Tell|Give|Do|Show|Check|Any)\b/.test(text)) {
    return { text: unstopped.charAt(0).toLowerCase() + unstopped.slice(1), lower: false };
  }
  return { text: unstopped, lower: false };
}

/** Now and then people say something else as well. */
export function withRemark(text: string, remarks: readonly string[], random: Random): string {
  const draw = random.next();
  if (draw < 0.16) return `${random.pick(remarks)} ${text}`;
  return draw < 0.22 && /[.?!]$/.test(text) ? `${text} ${random.pick(remarks)}` : text;
}

/**
 * Fills a template for a place. Every argument is in the text, letter for letter: where the text is
 * typed in lower case, so are they.
 */
export function askWeather(options: {
  tool: WeatherToolName;
  template: Template;
  place: Place;
  now: Date;
  random: Random;
  /** Off for places that do not exist, whose spelling nobody can mend. */
  careless?: boolean;
  /** Sentences that may stand beside the question. */
  remarks?: readonly string[];
  shares?: AskShares;
}): Question {
  const { tool, template, place, now, random, shares = USUAL } = options;
  const location = wordPlace(place, random, shares.area);
  const date = wordDate(place.timezone, now, template.text, random);
  const days = wordDays(random);
  let text = fill(template.text, {
    place: location,
    date: date.date,
    on_date: date.onDate,
    days: days.words,
  });
  const units = random.next() < shares.units ? random.pick(["Celsius", "Fahrenheit"]) : undefined;
  if (units) text = askUnits(text, units, random);
  if (options.remarks?.length) text = withRemark(text, options.remarks, random);
  const typed =
    options.careless === false ? { text, lower: false } : careless(text, shares.lower, random);
  const asTyped = (value: string): string => (typed.lower ? value.toLowerCase() : value);
  const asked = {
    location: asTyped(location),
    date: tool === "get_weather" ? asTyped(date.date) : "",
  };
  return {
    tool,
    template: template.id,
    text: typed.text,
    ...asked,
    arguments: {
      location: asked.location,
      ...(asked.date !== "" && { date: asked.date }),
      ...(tool === "get_forecast" && { days: days.count }),
      ...(units && { units: units.toLowerCase() }),
    },
    when: tool === "get_weather" ? date.when : "",
    days: tool === "get_forecast" ? days.words : "",
    wants: factsAsked(typed.text, [asked.location]),
  };
}
