/** Questions about two places at once, which want two calls in one turn. */
import type { Persona } from "../../core/conversation.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { cityOf, slotValues } from "./answer.ts";
import { type Template, wordPlace } from "./ask.ts";
import { capitalised, fill } from "./fill.ts";

/** The first half asks for a day, the second for now. */
const DAILY: readonly string[] = [
  "Compare the weather in {first} and {second} {date}.",
  "Which will be warmer {date}, {first} or {second}?",
  "What is the weather in {first} and in {second} {date}?",
  "Will it be colder in {first} or {second} {date}?",
  "How is the weather {date} in {first} and {second}?",
  "Is it going to rain in {first} or {second} {date}?",
  "Give me the weather for {first} and {second} {date}.",
  "{first} or {second} {date}, which has the better weather?",
];
const CURRENT: readonly string[] = [
  "Compare the weather in {first} and {second} right now.",
  "Which is warmer right now, {first} or {second}?",
  "What is the current weather in {first} and in {second}?",
  "Is it colder in {first} or {second} right now?",
  "How is the weather in {first} and {second} now?",
  "Current weather for {first} and {second}, please.",
];

export const COMPARE_TEMPLATES: readonly Template[] = [...DAILY, ...CURRENT].map((text, i) => ({
  id: `compare:${i}`,
  text,
}));

/** Units are always said: the two places may not share them. */
const DAY_LINES: readonly string[] = [
  "{place} gets {conditions}, with a high of {high} and a low of {low} {degrees}.",
  "{place} will have {conditions}, high {high}, low {low} {degrees}.",
  "For {place}, {conditions}, from {low} to {high} degrees {degrees}.",
];
const NOW_LINES: readonly string[] = [
  "{place} has {conditions} and {temperature} degrees {degrees}.",
  "In {place} it is {temperature} {degrees}, with {conditions}.",
  "{place} stands at {temperature} {degrees}, with {conditions}.",
];
const CLOSES: Readonly<Record<Persona, readonly string[]>> = {
  twain: [
    "I have lived in both kinds of place and complained in each with equal success.",
    "Choose as you would between two aunts, and do not tell the other.",
    "There is no prize for either, and the judges have gone home.",
    "I would take whichever has the shorter sermon.",
    "You now know as much as the railroad agent, and you are better company.",
  ],
  franklin: [
    "Choose by thy business and not by thy comfort, and both shall profit.",
    "He that stands with a foot in each town is at home in neither.",
    "A fair comparison offends one town, and a false one offends them both.",
    "Weigh them as you would two loaves, and then go and earn the better.",
    "Whichever you choose, carry industry; it keeps in any climate.",
  ],
  neutral: [
    "Those are the two reports.",
    "That is the comparison.",
    "Both come from the same report.",
  ],
};

export interface Comparison {
  template: string;
  text: string;
  calls: { name: "get_weather" | "get_current_weather"; arguments: JsonObject }[];
}

/** A question about two places, with both calls. */
export function askComparison(
  template: Template,
  places: readonly [Place, Place],
  random: Random,
): Comparison {
  const [first, second] = [wordPlace(places[0], random), wordPlace(places[1], random)];
  const date = random.pick(["today", "tomorrow", "tonight"]);
  const text = fill(template.text, { first, second, date });
  const daily = DAILY.includes(template.text);
  return {
    template: template.id,
    text,
    calls: [first, second].map((location) => ({
      name: daily ? "get_weather" : "get_current_weather",
      arguments: { location, ...(daily && { date }) },
    })),
  };
}

/** One sentence a place, and a remark. */
export function answerComparison(
  results: readonly JsonObject[],
  persona: Persona,
  random: Random,
): string {
  const line = random.pick(results.some((result) => "high" in result) ? DAY_LINES : NOW_LINES);
  const facts = results.map((result) =>
    fill(line, { ...slotValues(result), place: cityOf(result) }),
  );
  const closes = CLOSES[persona].filter(
    (close) => results.length === 2 || !/\b(?:both|two|each|either|foot in)\b/i.test(close),
  );
  return capitalised([...facts, random.pick(closes)].join(" "));
}
