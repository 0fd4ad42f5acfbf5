import { describe, expect, test } from "vitest";
import { FACTS, answersFact, factValues, factsAsked, tellsFact } from "./asked-facts.ts";
import { loadVoices } from "./voices.ts";

test.each([
  ["What's the chance of rain in McMurdo Station on Thursday?", ["chance"]],
  ["Concert outdoors, Boston, Friday. Rain odds?", ["chance"]],
  ["What are the odds of snow in Oslo today?", ["precipitation"]],
  ["Precipitation tomorrow, Oslo, probability?", ["precipitation"]],
  ["Weather at Rome, as at present, with wind if you have it.", ["wind"]],
  ["{place}, Friday: will it blow?", ["wind"]],
  ["How humid is it, and how windy?", ["wind", "humidity"]],
  ["Will it rain in Rome?", []],
  ["whats blowing in on Rome these next two days", []],
  ["Can I leave the windows open?", []],
  ["What chance have we of blue skies?", []],
])("%s asks for %j", (text, facts) => {
  expect(factsAsked(text)).toEqual(facts);
});

test("the name of a place asks for nothing", () => {
  expect(factsAsked("Will it rain in Breezy Point today?", ["Breezy Point"])).toEqual([]);
  expect(factsAsked("Will it rain in Breezy Point today?")).toEqual(["wind"]);
});

const day = { conditions: "fog", high: 9, low: 4, precipitation_chance: 20 };
const week = { days: [day, { ...day, precipitation_chance: 35 }] };
const now = { conditions: "fog", temperature: 9, humidity: 81, wind_speed: 14 };

test.each([
  ["chance", day, "Fog, and a 20 percent chance of rain.", true],
  ["chance", day, "Fog, a twenty percent chance of rain.", true],
  ["chance", day, "Fog, a high of 9 and a low of 4.", false],
  ["chance", day, "The report gives no odds.", false],
  ["chance", week, "20 percent chance of rain, then 35 percent.", true],
  ["chance", week, "First a 20 percent chance of rain, then who knows.", false],
  ["precipitation", day, "A 20 percent chance of rain.", false],
  ["precipitation", day, "The chance of precipitation is 20 percent.", true],
  ["wind", now, "9 degrees, wind 14 km/h.", true],
  ["wind", now, "9 degrees, with fog.", false],
  ["wind", now, "9 degrees, and 14 hats lost to the wind.", true],
  ["wind", day, "Fog, 9 and 4.", false],
  ["wind", day, "Fog. The report does not mention the wind.", true],
  ["wind", day, "Fog. The wind there has no manners.", false],
  ["humidity", day, "Of the humidity I am told nothing.", true],
] as const)("%s of %j in %j: %s", (fact, result, answer, answered) => {
  expect(answersFact(fact, answer, [result])).toBe(answered);
});

describe("the shipped sentences", () => {
  test.each(FACTS)(
    "that the report lacks the %s admit it, those that state it have its slot",
    async (fact) => {
      const { answers } = await loadVoices();
      for (const text of Object.values(answers.lacks[fact]).flat())
        expect(answersFact(fact, text, [{}]), text).toBe(true);
      for (const text of answers.states[fact].any) expect(tellsFact(fact, text), text).toBe(true);
      expect(factValues(fact, {})).toEqual([]);
    },
  );

  test("lines of a forecast for those who ask tell the chance", async () => {
    const { answers } = await loadVoices();
    for (const text of answers.get_forecast_chance.any)
      expect(tellsFact("chance", text)).toBe(true);
  });

  test("plain reports of a temperature name its unit", async () => {
    const { get_weather, get_current_weather, get_forecast_open } = (await loadVoices()).answers;
    for (const by of [get_weather, get_current_weather, get_forecast_open])
      for (const text of by.neutral) expect(text).toContain("{degrees}");
  });
});
