/**
 * Reporting drills: a result as the weather tools write it, told in plain words. And what a message
 * asks for, written as JSON. Neither holds a call or a voice: those are the adapter's to learn.
 */
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { CONDITION_PHRASES } from "../../weather/conditions.ts";
import { addDays, weekdayOf } from "../../weather/resolve-date.ts";
import { answerWeather } from "./answer.ts";
import type { Question } from "./ask.ts";
import type { Drill } from "./drills.ts";
import { numberWord } from "./fill.ts";
import { pickTool } from "./question-templates.ts";
import type { Voices } from "./voices.ts";

function drawDay(random: Random, fahrenheit: boolean): JsonObject {
  const low = fahrenheit ? random.integer(-10, 85) : random.integer(-20, 30);
  return {
    conditions: random.pick(CONDITION_PHRASES),
    high: low + random.integer(1, 24),
    low,
  };
}

const drawDate = (random: Random): string => addDays("2024-01-01", random.integer(0, 4 * 365));

/** A result of one of the three tools, made up, for a place that is labelled `label`. */
function drawResult(
  random: Random,
  tool: Question["tool"],
  label: string,
  count: number,
): JsonObject {
  const fahrenheit = random.next() < 0.5;
  const units = fahrenheit ? "fahrenheit" : "celsius";
  const chance = (): number => random.integer(0, 100);
  if (tool === "get_weather") {
    const day = drawDay(random, fahrenheit);
    return {
      location: label,
      date: drawDate(random),
      ...day,
      units,
      precipitation_chance: chance(),
    };
  }
  if (tool === "get_forecast") {
    const first = drawDate(random);
    const days = Array.from({ length: count }, (_, i) => {
      const date = addDays(first, i);
      const day = drawDay(random, fahrenheit);
      return { date, weekday: weekdayOf(date), ...day, precipitation_chance: chance() };
    });
    return { location: label, units, days };
  }
  const temperature = fahrenheit ? random.integer(-10, 105) : random.integer(-20, 40);
  return {
    location: label,
    conditions: random.pick(CONDITION_PHRASES),
    temperature,
    feels_like: temperature - random.pick([0, 0, 0, random.integer(1, 7)]),
    humidity: random.integer(10, 100),
    wind_speed: random.integer(0, 40),
    wind_units: fahrenheit ? "mph" : "km/h",
    units,
  };
}

/** A result and a plain sentence or two that tell it. */
export function drawReport(
  random: Random,
  spot: { name: string; label: string },
  voices: Voices,
): Drill {
  const tool = pickTool(random);
  const count = random.pick([2, 2, 3]);
  const result = drawResult(random, tool, spot.label, count);
  const day = typeof result.date === "string" ? `on ${weekdayOf(result.date)}` : "now";
  const when = random.pick(["today", "tomorrow", "tonight", day, day, day]);
  const days = `${random.pick([String(count), numberWord(count)])} days`;
  const asked = { get_weather: when, get_current_weather: "now", get_forecast: days }[tool];
  const question = { tool, location: spot.name, when, days, wants: [] };
  const answer = answerWeather(question, result, "neutral", voices, random);
  return { kind: "report", user: `${JSON.stringify(result)} ${asked}?`, answer };
}

export const EXTRACT_ASKS = ["As JSON.", "In JSON, please.", "Write it as JSON."];

/** What a question says of place, time and units, as a line of JSON. */
export const extract = (question: Question, random: Random): Drill => ({
  kind: "extract",
  user: `${question.text}\n${random.pick(EXTRACT_ASKS)}`,
  answer: JSON.stringify(question.arguments),
});
