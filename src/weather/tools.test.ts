import { beforeAll, expect, test } from "vitest";
import type { JsonObject } from "../core/json.ts";
import { createOfflineProvider } from "./offline.ts";
import { loadPlaces } from "./place.ts";
import { WeatherUnavailable, type WeatherProvider } from "./provider.ts";
import { WEATHER_TOOLS, createWeatherTools } from "./tools.ts";
import { validateCall } from "./validate-call.ts";

// Still Friday in Missouri, already Saturday in Japan.
const now = (): Date => new Date("2026-11-20T23:30:00Z");
const signal = new AbortController().signal;
let provider: WeatherProvider;
beforeAll(async () => {
  provider = createOfflineProvider({ places: await loadPlaces(), now });
});

async function call(name: string, args: JsonObject, source = provider): Promise<JsonObject> {
  const check = validateCall({ name, arguments: args }, createWeatherTools(source, now));
  if (!check.ok) throw new Error(check.message);
  return check.tool.run(check.args, signal);
}

test("results have exactly the documented keys, in order", async () => {
  const day = await call("get_weather", { location: "hannibal", date: "tomorrow" });
  expect(Object.keys(day).join()).toBe(
    "location,date,conditions,high,low,units,precipitation_chance",
  );
  expect(day).toMatchObject({
    location: "Hannibal, Missouri, United States",
    date: "2026-11-21",
    units: "fahrenheit",
  });
  const current = await call("get_current_weather", { location: "Paris, France" });
  expect(Object.keys(current).join()).toBe(
    "location,conditions,temperature,feels_like,humidity,wind_speed,wind_units,units",
  );
  expect(current).toMatchObject({ wind_units: "km/h", units: "celsius" });
  const forecast = await call("get_forecast", { location: "Hannibal", days: 2 });
  expect(Object.keys(forecast).join()).toBe("location,units,days");
  expect(forecast.days).toMatchObject([
    { date: "2026-11-20", weekday: "Friday" },
    { date: "2026-11-21", weekday: "Saturday" },
  ]);
  expect((forecast.days as JsonObject[]).map((entry) => Object.keys(entry).join())).toEqual(
    Array(2).fill("date,weekday,conditions,high,low,precipitation_chance"),
  );
});

test("dates are the place's own, and one day agrees with the forecast", async () => {
  const tokyo = await call("get_weather", { location: "Tokyo", date: "today" });
  expect(tokyo.date).toBe("2026-11-21");
  const week = await call("get_forecast", { location: "Tokyo", days: 7 });
  expect((week.days as JsonObject[])[0]).toMatchObject({ high: tokyo.high, low: tokyo.low });
});

test("units are as asked", async () => {
  const asked = await call("get_weather", {
    location: "Hannibal",
    date: "today",
    units: "celsius",
  });
  expect(asked.units).toBe("celsius");
});

test("failures are results", async () => {
  expect(await call("get_weather", { location: "Borville", date: "today" })).toEqual({
    error: "location_not_found",
    message: 'No place called "Borville" was found.',
  });
  for (const date of ["2020-01-01", "2027-01-01", "someday"]) {
    expect(await call("get_weather", { location: "Hannibal", date })).toMatchObject({
      error: "bad_date",
    });
  }
  const down: WeatherProvider = {
    ...provider,
    find: () => Promise.reject(new WeatherUnavailable("the wire is down")),
  };
  expect(await call("get_forecast", { location: "Hannibal", days: 1 }, down)).toEqual({
    error: "weather_unavailable",
    message: "the wire is down",
  });
});

test("a fault of the program is not a result", async () => {
  const broken: WeatherProvider = { ...provider, find: () => Promise.reject(new Error("bug")) };
  await expect(call("get_forecast", { location: "Hannibal", days: 1 }, broken)).rejects.toThrow(
    "bug",
  );
});

test.each<[string, unknown, string]>([
  ["get_wether", { location: "Hannibal" }, "unknown-tool"],
  ["get_forecast", "Hannibal", "not-object"],
  ["get_forecast", ["Hannibal"], "not-object"],
  ["get_forecast", null, "not-object"],
  ["get_forecast", { location: "Hannibal" }, "schema"],
  ["get_forecast", { location: "Hannibal", days: "3" }, "schema"],
  ["get_forecast", { location: "Hannibal", days: 2.5 }, "schema"],
  ["get_forecast", { location: "Hannibal", days: 8 }, "schema"],
  ["get_forecast", { location: "Hannibal", days: 0 }, "schema"],
  ["get_weather", { location: "", date: "today" }, "schema"],
  ["get_weather", { location: "Hannibal", date: "today", units: "Celsius" }, "schema"],
  ["get_weather", { location: "Hannibal", date: "today", mood: "glum" }, "schema"],
])("%s %j is refused: %s", (name, args, reason) => {
  const tools = createWeatherTools(provider, now);
  const check = validateCall({ name, arguments: args as JsonObject }, tools);
  expect(check).toMatchObject({ ok: false, reason });
});

test("the JSON Schemas offered to a model require and forbid what the zod schemas do", () => {
  for (const tool of createWeatherTools(provider, now)) {
    const { parameters } = WEATHER_TOOLS.find((one) => one.name === tool.definition.name)!;
    expect(parameters.additionalProperties).toBe(false);
    const samples: JsonObject = { location: "Hannibal", date: "today", days: 2, units: "celsius" };
    const keys = Object.keys(parameters.properties as JsonObject);
    const all = Object.fromEntries(keys.map((key) => [key, samples[key]!]));
    expect(tool.args.safeParse(all).success).toBe(true);
    for (const key of keys) {
      const { [key]: _, ...rest } = all;
      const required = (parameters.required as string[]).includes(key);
      expect(tool.args.safeParse(rest).success).toBe(!required);
    }
  }
});
