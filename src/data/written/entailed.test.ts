import { expect, test } from "vitest";
import type { Question } from "../synth/ask.ts";
import { entailmentProblem, keptWords, phrasingKey } from "./entailed.ts";

const dated: Question = {
  tool: "get_weather",
  template: "get_weather:0",
  text: "Will it rain in New Haven, Connecticut on Saturday?",
  arguments: { location: "New Haven, Connecticut", date: "Saturday" },
  location: "New Haven, Connecticut",
  date: "Saturday",
  when: "on Saturday",
  days: "",
  wants: [],
};
const days: Question = {
  tool: "get_forecast",
  template: "get_forecast:0",
  text: "Forecast for Oslo for the next three days, in Celsius.",
  arguments: { location: "Oslo", days: 3, units: "celsius" },
  location: "Oslo",
  date: "",
  when: "",
  days: "three days",
  wants: [],
};

test.each([
  "Is rain likely in New Haven, Connecticut on Saturday?",
  "Saturday in New Haven, Connecticut: do I need an umbrella?",
  "Tell me whether New Haven, Connecticut gets wet this Saturday.",
])("%s asks the same", (text) => {
  expect(entailmentProblem(text, dated)).toBeUndefined();
});

test.each([
  ["says the same", "will it rain in new haven, connecticut, on saturday"],
  ["place is gone", "Is rain likely in New Haven on Saturday?"],
  ["place is gone", "Is rain likely in Hartford, Connecticut on Saturday?"],
  ["date is gone", "Is rain likely in New Haven, Connecticut?"],
  ["date is gone", "Is rain likely in New Haven, Connecticut on Sunday?"],
  ["another date", "Is rain likely in New Haven, Connecticut on Saturday or Sunday?"],
  ["another date", "Is rain likely in New Haven, Connecticut next Saturday?"],
  ["another date", "Is rain likely in New Haven, Connecticut on Saturday, March 3?"],
  ["another number of days", "Rain in New Haven, Connecticut for two days from Saturday?"],
  ["another unit", "How warm in Celsius is New Haven, Connecticut on Saturday?"],
  ["another name", "Is rain likely in New Haven, Connecticut or Boston on Saturday?"],
  ["foreign number", "Is there a 50 percent chance in New Haven, Connecticut on Saturday?"],
  ["several lines", "New Haven, Connecticut\nSaturday, will it rain?"],
  ["too long", `Is rain likely in New Haven, Connecticut on Saturday, ${"please ".repeat(40)}?`],
])("%s: %s", (reason, text) => {
  expect(entailmentProblem(text, dated)).toBe(reason);
});

test("a forecast keeps its number of days and its unit, in words or digits", () => {
  for (const text of [
    "I would like three days of Oslo in Celsius, please.",
    "Oslo, 3 days ahead, Celsius: what is coming?",
    "Next three days in Oslo in °C?",
  ])
    expect(entailmentProblem(text, days), text).toBeUndefined();
  expect(entailmentProblem("What is Oslo like over four days in Celsius?", days)).toBe(
    "another number of days",
  );
  expect(entailmentProblem("What is coming to Oslo in Celsius?", days)).toBe(
    "another number of days",
  );
  expect(entailmentProblem("What is coming to Oslo in three days?", days)).toBe("another unit");
  expect(entailmentProblem("Oslo for three days, Celsius or Fahrenheit?", days)).toBe(
    "another unit",
  );
});

test("what must be kept, and what is left without it", () => {
  expect(keptWords(dated)).toEqual(["New Haven, Connecticut", "Saturday"]);
  expect(keptWords(days)).toEqual(["Oslo", "three days", "celsius"]);
  expect(phrasingKey("Rain on Saturday in New Haven, Connecticut?", dated)).toBe("rain in");
  expect(phrasingKey("What of Oslo for three days?", days)).toBe("what of for");
});
