import { expect, test } from "vitest";
import { CONDITION_PHRASES } from "./conditions.ts";
import { createOfflineProvider } from "./offline.ts";
import type { Place } from "./place.ts";

const signal = new AbortController().signal;
const at = (name: string, latitude: number): Place => ({
  name,
  region: "",
  country: "Testland",
  latitude,
  longitude: 0,
  timezone: "UTC",
});
const provider = (now: string): ReturnType<typeof createOfflineProvider> =>
  createOfflineProvider({ places: [], now: () => new Date(now) });
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const meanHigh = async (place: Place, now: string): Promise<number> =>
  mean((await provider(now).daily(place, 16, "celsius", signal)).map((day) => day.high));

test("the same place and date have the same weather, whenever they are asked for", async () => {
  const place = at("Kestra", 41);
  const early = await provider("2026-03-01T12:00:00Z").daily(place, 10, "celsius", signal);
  const late = await provider("2026-03-04T02:00:00Z").daily(place, 7, "celsius", signal);
  expect(early.slice(3)).toEqual(late);
  expect(early[0]!.date).toBe("2026-03-01");
  const other = await provider("2026-03-01T12:00:00Z").daily(
    at("Borvil", 41),
    10,
    "celsius",
    signal,
  );
  expect(other).not.toEqual(early);
});

test("seasons turn with the hemisphere, and the poles are colder than the equator", async () => {
  expect(await meanHigh(at("North", 45), "2026-07-10T00:00:00Z")).toBeGreaterThan(
    (await meanHigh(at("North", 45), "2026-01-10T00:00:00Z")) + 12,
  );
  expect(await meanHigh(at("South", -45), "2026-01-10T00:00:00Z")).toBeGreaterThan(
    (await meanHigh(at("South", -45), "2026-07-10T00:00:00Z")) + 12,
  );
  expect(await meanHigh(at("Equator", 0), "2026-01-10T00:00:00Z")).toBeGreaterThan(
    (await meanHigh(at("Arctic", 75), "2026-07-10T00:00:00Z")) + 5,
  );
});

test("days are consistent in themselves and in both units", async () => {
  const source = provider("2026-01-01T12:00:00Z");
  for (let latitude = -80; latitude <= 80; latitude += 4) {
    const place = at(`Spot ${latitude}`, latitude);
    const celsius = await source.daily(place, 16, "celsius", signal);
    const fahrenheit = await source.daily(place, 16, "fahrenheit", signal);
    for (const [i, day] of celsius.entries()) {
      expect(CONDITION_PHRASES).toContain(day.conditions);
      expect(day.high).toBeGreaterThanOrEqual(day.low);
      expect(day.precipitationChance).toBeGreaterThanOrEqual(0);
      expect(day.precipitationChance).toBeLessThan(100);
      if (day.conditions.includes("snow")) expect(day.low).toBeLessThan(4);
      if (/^(light|steady|heavy) rain/.test(day.conditions)) expect(day.high).toBeGreaterThan(0);
      const other = fahrenheit[i]!;
      expect(other.conditions).toBe(day.conditions);
      // Both are rounded from one value, so they differ by at most half a degree of each.
      expect(Math.abs(other.high - (day.high * 9) / 5 - 32)).toBeLessThanOrEqual(1.41);
      expect(Object.is(day.high, -0) || Object.is(day.low, -0)).toBe(false);
    }
    const now = await source.current(place, "celsius", signal);
    expect(now.temperature).toBeGreaterThanOrEqual(celsius[0]!.low);
    expect(now.temperature).toBeLessThanOrEqual(celsius[0]!.high);
    expect(now.humidity).toBeLessThanOrEqual(100);
  }
});

test("an aborted signal is honoured", async () => {
  const gone = AbortSignal.abort();
  await expect(provider("2026-01-01").find("Kestra", gone)).rejects.toThrow();
});
