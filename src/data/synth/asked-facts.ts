/**
 * Facts that a question asks for by name, and whether an answer gives them. High, low and sky are not among them:
 * every answer has those.
 */
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import { numbersIn } from "../../weather/number-claims.ts";
import { slotsOf } from "./fill.ts";

/** `precipitation` is the chance of anything but rain: a report has one number for all that falls. */
export const FACTS = ["chance", "precipitation", "wind", "humidity"] as const;
export type Fact = (typeof FACTS)[number];

interface FactWords {
  asked: RegExp;
  /** In a result, or a day of it. */
  key: string;
  /** In a template. */
  slot: string;
  /** Without one of these words a number may be anything. */
  named: RegExp;
}

const CHANCE = "(?:chances?|odds|likel(?:y|ihood)|probability)";
const chanceOf = (falls: string): RegExp =>
  new RegExp(
    `\\b${CHANCE}\\b (?:\\w+ ){0,3}(?:${falls})\\b|\\b(?:${falls})\\b(?: is)?,? (?:${CHANCE})\\b|\\b(?:${falls})\\b[^.!]{0,30}, ${CHANCE}\\?`,
    "i",
  );

const WORDS: Readonly<Record<Fact, FactWords>> = {
  chance: {
    asked: chanceOf("rain|showers?|downpour|drizzle"),
    key: "precipitation_chance",
    slot: "chance",
    named: /\b(?:chances?|odds|likel(?:y|ihood)|probability)\b/i,
  },
  precipitation: {
    asked: chanceOf("snow|sleet|hail|precipitation"),
    key: "precipitation_chance",
    slot: "chance",
    named: /\bprecipitation\b/i,
  },
  wind: {
    // "What is blowing in?" asks what comes, not how hard it blows.
    asked:
      /\b(?:(?:head|cross)?winds?|windy|windier|breez(?:e|es|y)|gust(?:s|y|ing)?|gales?|squalls?|blustery|blowy|dead calm)\b|\bbl(?:ow|ows|owing|own|ew)\b(?! (?:in|up|about at|towards)\b)/i,
    key: "wind_speed",
    slot: "wind",
    named: /\b(?:winds?|breeze|gusts?|blows?|blowing)\b/i,
  },
  humidity: {
    asked: /\b(?:humid(?:ity)?|muggy|sticky|how damp|be damp|hates? damp|with damp|damp air)\b/i,
    key: "humidity",
    slot: "humidity",
    named: /\b(?:humid(?:ity)?|damp|muggy)\b/i,
  },
};

/** What a question asks for; the names of its places are no words of it ("Breezy Point"). */
export function factsAsked(text: string, places: readonly string[] = []): Fact[] {
  const said = places.reduce((left, place) => left.replaceAll(place, " "), text);
  return FACTS.filter((fact) => WORDS[fact].asked.test(said));
}

/** The values of a fact in a result: one, or one a day or a place; none where the tool does not tell it. */
export function factValues(fact: Fact, result: JsonObject): number[] {
  const parts = [result, ...[result.days, result.places].flatMap((list) => list ?? [])];
  return parts.flatMap((part) => {
    const value = isJsonObject(part) ? part[WORDS[fact].key] : undefined;
    return typeof value === "number" ? [value] : [];
  });
}

/** Whether a sentence with slots tells the fact. */
export const tellsFact = (fact: Fact, template: string): boolean =>
  slotsOf(template).includes(WORDS[fact].slot) && WORDS[fact].named.test(template);

const DENIES =
  /\b(?:no|not|nothing|nor|never|none|neither|without|silent|cannot|unknown|omits?|leaves? out|left out)\b|n't\b/i;
const OF_REPORT =
  /\b(?:report|forecast|instruments?|glass|sa(?:y|ys|id)|mention(?:s|ed)?|tells?|told|gives?|given|knows?|known|figures?|words?|lists?|columns?|pages?|notes?|ledger|entry|measures?|data|ask(?:ed)?)\b/i;

const admitsLack = (fact: Fact, answer: string): boolean =>
  answer
    .split(/(?<=[.!?])\s+/)
    .some(
      (sentence) =>
        WORDS[fact].named.test(sentence) && DENIES.test(sentence) && OF_REPORT.test(sentence),
    );

/** Whether the answer states every value of the fact, or says that the results have none. */
export function answersFact(fact: Fact, answer: string, results: readonly JsonObject[]): boolean {
  const values = results.flatMap((result) => factValues(fact, result));
  if (values.length === 0) return admitsLack(fact, answer);
  const said = new Set(numbersIn(answer));
  return WORDS[fact].named.test(answer) && values.every((value) => said.has(value));
}
