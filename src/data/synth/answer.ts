/** A voiced answer from a tool's result: a template filled with nothing but the result's own facts. */
import type { Persona } from "../../core/conversation.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import type { Question } from "./ask.ts";
import { type Fact, factValues, tellsFact } from "./asked-facts.ts";
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
type Asked = Pick<Question, "tool" | "location" | "when" | "days" | "wants">;

/** One of the templates that tell the most of what was asked for, and what of it that one leaves out. */
function pickTelling(
  templates: readonly string[],
  facts: readonly Fact[],
  random: Random,
): { template: string; untold: Fact[] } {
  const untold = (template: string): Fact[] => facts.filter((fact) => !tellsFact(fact, template));
  const fewest = Math.min(...templates.map((template) => untold(template).length));
  const template = random.pick(templates.filter((each) => untold(each).length === fewest));
  return { template, untold: untold(template) };
}

/** The place as the answer names it: mostly the town alone, sometimes as the question had it. */
function namePlace(question: Asked, result: JsonObject, random: Random): string {
  const typed = question.location;
  // What was typed in lower case is not repeated so.
  return typed !== typed.toLowerCase() && random.next() < 0.25 ? typed : cityOf(result);
}

function answerForecast(
  result: JsonObject,
  values: Record<string, string | number>,
  facts: readonly Fact[],
  persona: Persona,
  voices: Voices,
  random: Random,
): string {
  const { answers } = voices;
  const days = Array.isArray(result.days) ? result.days.filter(isJsonObject) : [];
  // Of a report by the day only the chance is ever told: the tool has no more.
  const lines = facts.length > 0 ? answers.get_forecast_chance : answers.get_forecast_day;
  const { template: line } = pickTelling(lines.any, facts, random);
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
  // A generator of its own: what was asked for moves no other draw.
  const more = random.fork(`facts ${random.state()}`);
  const told = question.wants.filter((fact) => factValues(fact, result).length > 0);
  const lacking = question.wants.filter((fact) => !told.includes(fact));
  const admitted = lacking.map((fact) => more.pick(answers.lacks[fact][persona]));
  if (question.tool === "get_forecast") {
    const text = answerForecast(result, values, told, persona, voices, random);
    return capitalised([...admitted, text].join(" "));
  }
  const { template, untold } = pickTelling(answers[question.tool][persona], told, random);
  const stated = untold.map((fact) => fill(more.pick(answers.states[fact].any), values));
  return capitalised([...admitted, ...stated, fill(template, values)].join(" "));
}
