import { describe, expect, test } from "vitest";
import type { JsonObject } from "../core/json.ts";
import { CONDITION_PHRASES } from "./conditions.ts";
import { checkGrounded } from "./grounded.ts";
import { readNumber } from "./number-claims.ts";

const day: JsonObject = {
  location: "Hannibal, Missouri, United States",
  date: "2026-11-21",
  conditions: "light rain",
  high: 62,
  low: 48,
  units: "fahrenheit",
  precipitation_chance: 70,
};
const current: JsonObject = {
  location: "Oslo, Norway",
  conditions: "heavy snow",
  temperature: -5,
  feels_like: -11,
  humidity: 83,
  wind_speed: 17,
  wind_units: "km/h",
  units: "celsius",
};
const forecast: JsonObject = {
  location: "Saint Louis, Missouri, United States",
  units: "fahrenheit",
  days: [
    {
      date: "2026-11-21",
      weekday: "Saturday",
      conditions: "fog",
      high: 55,
      low: 41,
      precipitation_chance: 9,
    },
    {
      date: "2026-11-22",
      weekday: "Sunday",
      conditions: "steady rain",
      high: 49,
      low: 38,
      precipitation_chance: 90,
    },
  ],
};

const good: [string, JsonObject, string?][] = [
  ["Hannibal gets light rain, with a high of 62 and a low of 48.", day],
  ["Look for rain in hannibal: 62 and 48 for the high and low, a 70 percent chance of rain.", day],
  ["Hannibal: between 48 and 62 degrees Fahrenheit, and light rain.", day],
  ["Sixty-two degrees at best in Hannibal, with a low of forty-eight.", day],
  ["In Hannibal the high is 17 degrees Celsius and the low 9 Celsius.", day],
  ["On Saturday Hannibal will have light rain and 62.", day],
  ["On November 21 Hannibal gets light rain.", day],
  ["Yes, light rain in Hannibal, so no snow and no clear skies.", day],
  ["One never knows, but Hannibal gets light rain. I had two umbrellas once.", day],
  ["It is -5 in Oslo with heavy snow, a wind of 17 km/h and humidity at 83 percent.", current],
  ["Oslo is at minus five degrees and feels like -11, with heavy snow.", current],
  ["Oslo stands at 5 degrees below zero.", current],
  [
    "The next two days in St. Louis: Saturday fog, 55 and 41. Sunday: steady rain, high 49, low 38.",
    forecast,
  ],
  ["For the next 2 days Saint Louis has Saturday: fog, 55 high. Sunday has steady rain.", forecast],
  [
    "Hannibal stays under your 70: a high of 62 and light rain.",
    day,
    "Will it be under 70 in Hannibal?",
  ],
];
test.each(good)("supported: %s", (answer, result, question = "") => {
  expect(checkGrounded(answer, [result], question)).toMatchObject({
    unsupported: [],
    grounded: true,
  });
});

const bad: [string, JsonObject][] = [
  ["Hannibal gets light rain, with a high of 48 and a low of 62.", day],
  ["Hannibal gets light rain, 62 Celsius.", day],
  ["Hannibal gets light rain and a 62 percent chance of rain.", day],
  ["Hannibal gets light rain on Sunday.", day],
  ["Hannibal gets light rain on November 22.", day],
  ["Hannibal gets light rain, seventy degrees.", day],
  ["Hannibal gets light rain, and then snow.", day],
  ["No rain in Hannibal, with a high of 62.", day],
  ["Hannibal gets heavy rain and 62.", day],
  ["Hannibal gets rain showers and 62.", day],
  ["Oslo has heavy snow and 5 degrees.", current],
  ["Oslo has heavy snow, wind 83 km/h.", current],
  ["Saint Louis: Saturday fog, 49 and 38. Sunday steady rain, 55 and 41.", forecast],
  ["Saint Louis: Saturday steady rain, 55 and 41.", forecast],
  ["The next three days in Saint Louis: Saturday fog.", forecast],
];
test.each(bad)("unsupported: %s", (answer, result) => {
  const grounding = checkGrounded(answer, [result]);
  expect(grounding.unsupported).not.toEqual([]);
  expect(grounding.grounded).toBe(false);
});

test("an answer must name the place and a fact", () => {
  expect(checkGrounded("Light rain, 62.", [day])).toMatchObject({
    unsupported: [],
    mentioned: { place: false },
    grounded: false,
  });
  expect(checkGrounded("I asked after Hannibal.", [day]).grounded).toBe(false);
  expect(checkGrounded("A 70 percent chance of rain in Hannibal.", [day]).grounded).toBe(false);
  expect(checkGrounded("Hannibal gets light rain.", [day, current]).grounded).toBe(false);
});

describe("after an error nothing may be reported", () => {
  const error = { error: "weather_unavailable", message: "down" };
  test.each(["It is 62 there.", "Expect light rain.", "About sixty degrees, I think."])(
    "%s",
    (answer) => expect(checkGrounded(answer, [error]).grounded).toBe(false),
  );
  test("but the failure may", () =>
    expect(checkGrounded("The weather office does not answer.", [error]).grounded).toBe(true));
});

describe("mutations", () => {
  const answers: [string, JsonObject][] = good.slice(0, 2).map(([text, result]) => [text, result]);
  answers.push(["Oslo has heavy snow, -5 degrees, wind 17 km/h, humidity 83 percent.", current]);
  answers.push([
    "Saint Louis, Saturday: fog, 55 and 41. Sunday: steady rain, 49 and 38.",
    forecast,
  ]);

  test.each(answers)("any digit of %j", (answer, result) => {
    for (const match of answer.matchAll(/\d/g)) {
      for (let digit = 0; digit <= 9; digit++) {
        if (String(digit) === match[0]) continue;
        const wrong = answer.slice(0, match.index) + digit + answer.slice(match.index + 1);
        expect(checkGrounded(wrong, [result]).grounded, wrong).toBe(false);
      }
    }
  });

  test("any condition for any other", () => {
    for (const told of CONDITION_PHRASES) {
      for (const reported of CONDITION_PHRASES) {
        const answer = `Hannibal will have ${told}, with a high of 62.`;
        const { grounded } = checkGrounded(answer, [{ ...day, conditions: reported }]);
        expect(grounded, `${told} for ${reported}`).toBe(told === reported);
      }
    }
  });

  test.each(answers)("another place in %j", (answer, result) => {
    const city = JSON.stringify(result.location).slice(1).split(",")[0]!;
    const wrong = answer.replace(new RegExp(city, "gi"), "Cairo");
    expect(checkGrounded(wrong, [result]).grounded).toBe(false);
  });
});

test.each([
  ["sixty-two", 62],
  ["minus five", -5],
  ["a hundred and four", 104],
  ["nineteen", 19],
  ["-7", -7],
  ["−7", -7],
])("%s is %d", (text, value) => expect(readNumber(text)).toBe(value));
