/** Tools beside the three of `tools.ts`, over a list of known places: look-up, forecast by coordinates, comparison. */
import { z } from "zod";
import type { Tool } from "../core/chat.ts";
import type { JsonObject } from "../core/json.ts";
import { type Place, placeLabel } from "./place.ts";
import { WeatherUnavailable, type WeatherProvider } from "./provider.ts";
import { defineTool, unitsProperty, weatherError } from "./tools.ts";
import { resolveDate, weekdayOf } from "./resolve-date.ts";
import { createZoneClock } from "./zone-clock.ts";

const Units = z.enum(["celsius", "fahrenheit"]).optional();
const Location = z.string().trim().min(1).max(120);
const FindArgs = z.strictObject({ name: Location });
const ForecastAtArgs = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  days: z.int().min(1).max(7),
  units: Units,
});
const CompareArgs = z.strictObject({
  locations: z.array(Location).min(2).max(4),
  date: z.string().trim().min(1).max(40),
  units: Units,
});

export const FIND_PLACE = defineTool(
  "find_place",
  "Coordinates and time zone of a place",
  { name: { type: "string", description: "City, with state or country if said" } },
  ["name"],
);
export const FORECAST_AT = defineTool(
  "get_forecast_at",
  "Weather at coordinates for the next days",
  {
    latitude: { type: "number" },
    longitude: { type: "number" },
    days: { type: "integer", minimum: 1, maximum: 7 },
    units: unitsProperty,
  },
  ["latitude", "longitude", "days"],
);
export const COMPARE_WEATHER = defineTool(
  "compare_weather",
  "Weather in two to four places on one day, side by side",
  {
    locations: { type: "array", items: { type: "string" }, minItems: 2, maxItems: 4 },
    date: { type: "string", description: "today, tonight, tomorrow, a weekday or YYYY-MM-DD" },
    units: unitsProperty,
  },
  ["locations", "date"],
);

const usualUnits = (places: readonly Place[]): "celsius" | "fahrenheit" =>
  places.every(({ country }) => country === "United States") ? "fahrenheit" : "celsius";

/** Coordinates name a place when they are its own to two decimals, about a kilometre. */
const near = (a: number, b: number): boolean => Math.abs(a - b) < 0.005;

const notFound = (what: string): JsonObject =>
  weatherError("location_not_found", `No place called "${what}" was found.`);

/** The tools; `now` is the clock. Every failure but an abort is an `{ error, message }` result. */
export function createPlaceTools(
  provider: WeatherProvider,
  places: readonly Place[],
  now: () => Date,
): Tool[] {
  const clock = createZoneClock();
  const guarded = async (answer: () => Promise<JsonObject>): Promise<JsonObject> => {
    try {
      return await answer();
    } catch (error) {
      if (error instanceof WeatherUnavailable)
        return weatherError("weather_unavailable", error.message);
      throw error;
    }
  };
  const find: Tool<z.infer<typeof FindArgs>> = {
    definition: FIND_PLACE,
    args: FindArgs,
    run: ({ name }, signal) =>
      guarded(async () => {
        const place = await provider.find(name, signal);
        if (!place) return notFound(name);
        const { latitude, longitude, timezone } = place;
        return { location: placeLabel(place), latitude, longitude, timezone };
      }),
  };
  const forecastAt: Tool<z.infer<typeof ForecastAtArgs>> = {
    definition: FORECAST_AT,
    args: ForecastAtArgs,
    run: ({ latitude, longitude, days, units: asked }, signal) =>
      guarded(async () => {
        const place = places.find(
          (one) => near(one.latitude, latitude) && near(one.longitude, longitude),
        );
        if (!place) return notFound(`${latitude}, ${longitude}`);
        const unit = asked ?? usualUnits([place]);
        const found = await provider.daily(place, days, unit, signal);
        return {
          location: placeLabel(place),
          units: unit,
          days: found.map((day) => ({
            date: day.date,
            weekday: weekdayOf(day.date),
            conditions: day.conditions,
            high: day.high,
            low: day.low,
            precipitation_chance: day.precipitationChance,
          })),
        };
      }),
  };
  const compare: Tool<z.infer<typeof CompareArgs>> = {
    definition: COMPARE_WEATHER,
    args: CompareArgs,
    run: ({ locations, date, units: asked }, signal) =>
      guarded(async () => {
        const found: Place[] = [];
        for (const location of locations) {
          const place = await provider.find(location, signal);
          if (!place) return notFound(location);
          found.push(place);
        }
        const unit = asked ?? usualUnits(found);
        const reports: JsonObject[] = [];
        for (const place of found) {
          const when = resolveDate(date, clock.date(now(), place.timezone));
          if ("error" in when) return weatherError(when.error, when.message);
          const days = await provider.daily(place, when.ahead + 1, unit, signal);
          const day = days.find((one) => one.date === when.date);
          if (!day)
            return weatherError(
              "weather_unavailable",
              `There is no forecast for ${when.date} yet.`,
            );
          reports.push({
            location: placeLabel(place),
            date: day.date,
            conditions: day.conditions,
            high: day.high,
            low: day.low,
            precipitation_chance: day.precipitationChance,
          });
        }
        return { units: unit, places: reports };
      }),
  };
  return [find, forecastAt, compare];
}
