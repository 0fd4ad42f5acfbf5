/** A voiced answer from a tool's result: a template filled with nothing but the result's own facts. */
import type { Persona } from "../../core/conversation.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import type { Question } from "./ask.ts";
import { capitalised, fill } from "./fill.ts";
import type { Voices } from "./voices.ts";

/** Empty for what is no text. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number => (typeof value === "number" ? value : NaN);

/** "Hannibal, Missouri, United States" → "Hannibal". */
export const cityOf = (result: JsonObject): string =>
  textOf(result.location).split(",")[0]?.trim() ?? "";

/** The slots that a day of weather, or the present weather, can fill. */
export function slotValues(facts: JsonObject): Record<string, string | number> {
  return {
    conditions: textOf(facts.conditions),
    high: numberOf(facts.high),
    low: numberOf(facts.low),
    chance: numberOf(facts.precipitation_chance),
    degrees: facts.units === "celsius" ? "Celsius" : "Fahrenheit",
    temperature: numberOf(facts.temperature),
    wind: numberOf(facts.wind_speed),
    wind_units: textOf(facts.wind_units),
    humidity: numberOf(facts.humidity),
    day: textOf(facts.weekday),
  };
}

/** What an answer repeats of the question. */
type Asked = Pick<Question, "tool" | "location" | "when" | "days">;

/** The place as the answer names it: mostly the town alone, sometimes as the question had it. */
function namePlace(question: Asked, result: JsonObject, random: Random): string {
  const typed = question.location;
  // What was typed in lower case is not repeated so.
  return typed !== typed.toLowerCase() && random.next() < 0.25 ? typed : cityOf(result);
}

function answerForecast(
  result: JsonObject,
  values: Record<string, string | number>,
  persona: Persona,
  voices: Voices,
  random: Random,
): string {
  const { answers } = voices;
  const days = Array.isArray(result.days) ? result.days.filter(isJsonObject) : [];
  const line = random.pick(answers.get_forecast_day.any);
  const close = random.next() < 0.75 ? answers.get_forecast_close[persona] : undefined;
  return [
    fill(random.pick(answers.get_forecast_open[persona]), values),
    ...days.map((day) => fill(line, { ...values, ...slotValues(day) })),
    ...(close ? [random.pick(close)] : []),
  ].join(" ");
}

/** The reply to a question in a persona's voice; an error result gets an honest refusal. */
export function answerWeather(
  question: Asked,
  result: JsonObject,
  persona: Persona,
  voices: Voices,
  random: Random,
): string {
  const { answers } = voices;
  if (result.error === "location_not_found") {
    const place = question.location;
    return capitalised(fill(random.pick(answers.not_found[persona]), { place }));
  }
  if ("error" in result) return random.pick(answers.unavailable[persona]);
  const values = {
    ...slotValues(result),
    place: namePlace(question, result, random),
    when: question.when,
    days: question.days,
  };
  const text =
    question.tool === "get_forecast"
      ? answerForecast(result, values, persona, voices, random)
      : fill(random.pick(answers[question.tool][persona]), values);
  return capitalised(text);
}
