/** The three weather tools: the same definitions in data, evaluation, server and MCP. */
import { z } from "zod";
import type { Tool, ToolDefinition } from "../core/chat.ts";
import type { JsonObject } from "../core/json.ts";
import { type Place, placeLabel } from "./place.ts";
import { type Units, WeatherUnavailable, type WeatherProvider, windUnits } from "./provider.ts";
import { resolveDate, weekdayOf } from "./resolve-date.ts";
import { createZoneClock } from "./zone-clock.ts";

const UnitsArgument = z.enum(["celsius", "fahrenheit"]).optional();
const Location = z.string().trim().min(1).max(120);

export const CurrentWeatherArgs = z.strictObject({ location: Location, units: UnitsArgument });
export const ForecastArgs = z.strictObject({
  location: Location,
  days: z.int().min(1).max(7),
  units: UnitsArgument,
});
export const WeatherArgs = z.strictObject({
  location: Location,
  date: z.string().trim().min(1).max(40),
  units: UnitsArgument,
});

// Kept short on purpose: every request and every training row carries these texts.
const location = { type: "string", description: "City, with state or country if said" };
export const unitsProperty = { type: "string", enum: ["celsius", "fahrenheit"] };
/** A tool whose parameters are these and no others. */
export const defineTool = (
  name: string,
  description: string,
  properties: JsonObject,
  required: string[],
): ToolDefinition => ({
  name,
  description,
  parameters: { type: "object", properties, required, additionalProperties: false },
});

/** What a model is offered, in the order of the documentation. */
export const WEATHER_TOOLS: readonly ToolDefinition[] = [
  defineTool("get_current_weather", "Weather in a place now", { location, units: unitsProperty }, [
    "location",
  ]),
  defineTool(
    "get_forecast",
    "Weather in a place for the next days",
    { location, days: { type: "integer", minimum: 1, maximum: 7 }, units: unitsProperty },
    ["location", "days"],
  ),
  defineTool(
    "get_weather",
    "Weather in a place on one day",
    {
      location,
      date: {
        type: "string",
        description: "today, tonight, tomorrow, a weekday or YYYY-MM-DD",
      },
      units: unitsProperty,
    },
    ["location", "date"],
  ),
];

const [CURRENT, FORECAST, WEATHER] = WEATHER_TOOLS as [
  ToolDefinition,
  ToolDefinition,
  ToolDefinition,
];

export type WeatherErrorName =
  | "location_not_found"
  | "bad_date"
  | "weather_unavailable"
  | "invalid_arguments";

/** A failure as a tool result, so that the model can say what happened. */
export const weatherError = (error: WeatherErrorName, message: string): JsonObject => ({
  error,
  message,
});

/**
 * The tools over a provider; `now` is the clock that "tomorrow" is counted from. Results are flat
 * JSON in a fixed key order; every failure but an abort is an `{ error, message }` result.
 */
export function createWeatherTools(provider: WeatherProvider, now: () => Date): Tool[] {
  const clock = createZoneClock();
  const at = async (
    args: { location: string; units?: Units | undefined },
    signal: AbortSignal,
    answer: (place: Place, units: Units) => Promise<JsonObject>,
  ): Promise<JsonObject> => {
    try {
      const place = await provider.find(args.location, signal);
      if (!place) {
        return weatherError("location_not_found", `No place called "${args.location}" was found.`);
      }
      return await answer(
        place,
        args.units ?? (place.country === "United States" ? "fahrenheit" : "celsius"),
      );
    } catch (error) {
      if (error instanceof WeatherUnavailable) {
        return weatherError("weather_unavailable", error.message);
      }
      throw error;
    }
  };

  const current: Tool<z.infer<typeof CurrentWeatherArgs>> = {
    definition: CURRENT,
    args: CurrentWeatherArgs,
    run: (args, signal) =>
      at(args, signal, async (place, unit) => {
        const weather = await provider.current(place, unit, signal);
        return {
          location: placeLabel(place),
          conditions: weather.conditions,
          temperature: weather.temperature,
          feels_like: weather.feelsLike,
          humidity: weather.humidity,
          wind_speed: weather.windSpeed,
          wind_units: windUnits(unit),
          units: unit,
        };
      }),
  };

  const forecast: Tool<z.infer<typeof ForecastArgs>> = {
    definition: FORECAST,
    args: ForecastArgs,
    run: (args, signal) =>
      at(args, signal, async (place, unit) => ({
        location: placeLabel(place),
        units: unit,
        days: (await provider.daily(place, args.days, unit, signal)).map((day) => ({
          date: day.date,
          weekday: weekdayOf(day.date),
          conditions: day.conditions,
          high: day.high,
          low: day.low,
          precipitation_chance: day.precipitationChance,
        })),
      })),
  };

  const weather: Tool<z.infer<typeof WeatherArgs>> = {
    definition: WEATHER,
    args: WeatherArgs,
    run: (args, signal) =>
      at(args, signal, async (place, unit) => {
        const when = resolveDate(args.date, clock.date(now(), place.timezone));
        if ("error" in when) return weatherError(when.error, when.message);
        const days = await provider.daily(place, when.ahead + 1, unit, signal);
        const day = days.find((entry) => entry.date === when.date);
        if (!day) {
          return weatherError("weather_unavailable", `There is no forecast for ${when.date} yet.`);
        }
        return {
          location: placeLabel(place),
          date: day.date,
          conditions: day.conditions,
          high: day.high,
          low: day.low,
          units: unit,
          precipitation_chance: day.precipitationChance,
        };
      }),
  };
  return [current, forecast, weather];
}
