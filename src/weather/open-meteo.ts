/** Real weather from Open-Meteo: geocoding, then current conditions or a daily forecast. */
import { z } from "zod";
import { describeCode } from "./conditions.ts";
import { type Place, inAreas } from "./place.ts";
import { type JsonServiceOptions, createJsonService } from "./json-service.ts";
import {
  type CurrentWeather,
  type DailyWeather,
  type Units,
  type WeatherProvider,
  WeatherUnavailable,
} from "./provider.ts";

const GeoResult = z.object({
  name: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  timezone: z.string().default("UTC"),
  country: z.string().default(""),
  country_code: z.string().default(""),
  admin1: z.string().default(""),
});
type GeoResult = z.infer<typeof GeoResult>;

/** Nothing found is a 200 without `results`. */
const GeoAnswer = z.object({ results: z.array(GeoResult).default([]) });

const reading = z.number().nullable();
const CurrentAnswer = z.object({
  current: z.object({
    temperature_2m: reading,
    apparent_temperature: reading,
    relative_humidity_2m: reading,
    weather_code: reading,
    wind_speed_10m: reading,
  }),
});
const DailyAnswer = z.object({
  daily: z.object({
    time: z.array(z.iso.date()),
    weather_code: z.array(reading),
    temperature_2m_max: z.array(reading),
    temperature_2m_min: z.array(reading),
    precipitation_probability_max: z.array(reading),
  }),
});
const Failure = z.object({ error: z.literal(true), reason: z.string() });

export interface OpenMeteoOptions extends Partial<JsonServiceOptions> {
  /** Of a paid plan: switches to the `customer-` hosts. By default `OPEN_METEO_API_KEY`. */
  apiKey?: string | undefined;
  /** `https://host` of another geocoder or forecast server, self-hosted or in a test. */
  geocodingUrl?: string;
  forecastUrl?: string;
}

const toPlace = (found: GeoResult): Place => ({
  name: found.name,
  region: found.admin1,
  country: found.country || found.country_code || found.name,
  latitude: found.latitude,
  longitude: found.longitude,
  timezone: found.timezone,
});

function needed(value: number | null | undefined, what: string): number {
  if (value === null || value === undefined) {
    throw new WeatherUnavailable(`the weather service has no ${what} for this place`);
  }
  return value;
}

const round = (value: number): number => Math.round(value) + 0;

/** A provider over Open-Meteo's public API, or another server that speaks it. */
export function createOpenMeteo(options: OpenMeteoOptions = {}): WeatherProvider {
  // The key of the environment is Open-Meteo's, so another server is not sent it.
  const own = !options.geocodingUrl && !options.forecastUrl;
  const apiKey = options.apiKey ?? (own ? process.env.OPEN_METEO_API_KEY : undefined);
  const host = apiKey ? "customer-" : "";
  const geocoding = options.geocodingUrl ?? `https://${host}geocoding-api.open-meteo.com`;
  const forecast = options.forecastUrl ?? `https://${host}api.open-meteo.com`;
  const named = [options.geocodingUrl, options.forecastUrl].filter((url) => url !== undefined);
  const ask = createJsonService({
    privateHosts: named.map((url) => new URL(url).host),
    timeoutMs: 8000,
    maxBytes: 1 << 20,
    cacheMs: 10 * 60_000,
    cacheEntries: 500,
    // The free service allows 600.
    perMinute: 300,
    retryMs: 1000,
    ...options,
  });

  const get = async <S extends z.ZodType>(
    base: string,
    path: string,
    query: Record<string, string>,
    schema: S,
    signal: AbortSignal,
  ): Promise<z.output<S>> => {
    const url = new URL(path, base);
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
    if (apiKey) url.searchParams.set("apikey", apiKey);
    const { status, body } = await ask(url, signal);
    const failure = Failure.safeParse(body);
    if (status !== 200 || failure.success) {
      const reason = failure.data?.reason.slice(0, 200) ?? `status ${status}`;
      const clean = apiKey ? reason.replaceAll(apiKey, "***") : reason;
      throw new WeatherUnavailable(`the weather service refused: ${clean}`);
    }
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new WeatherUnavailable(
      `the weather service sent an unexpected answer at ${issue?.path.join(".") || "its top"}`,
    );
  };

  const search = async (name: string, signal: AbortSignal): Promise<GeoResult[]> => {
    const query = { name, count: "20", language: "en", format: "json" };
    return (await get(geocoding, "/v1/search", query, GeoAnswer, signal)).results;
  };

  const at = (place: Place, units: Units): Record<string, string> => ({
    latitude: String(place.latitude),
    longitude: String(place.longitude),
    timezone: "auto",
    temperature_unit: units,
    wind_speed_unit: units === "fahrenheit" ? "mph" : "kmh",
  });

  return {
    name: "open-meteo",
    attribution: "Weather data by Open-Meteo.com (CC BY 4.0)",

    async find(location, signal) {
      const [name = "", ...areas] = location
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "");
      if (name.length < 2) return undefined;
      const fits = (found: GeoResult): boolean =>
        inAreas(areas, [found.admin1, found.country, found.country_code]);
      // The service takes one qualifier, spelled exactly; older servers take none.
      if (areas.length > 0) {
        const direct = (await search(`${name}, ${areas[0]}`, signal)).find(fits);
        if (direct) return toPlace(direct);
      }
      const found = (await search(name, signal)).find(fits);
      return found && toPlace(found);
    },

    async current(place, units, signal): Promise<CurrentWeather> {
      const query = {
        ...at(place, units),
        current: Object.keys(CurrentAnswer.shape.current.shape).join(","),
      };
      const { current } = await get(forecast, "/v1/forecast", query, CurrentAnswer, signal);
      const temperature = needed(current.temperature_2m, "temperature");
      return {
        conditions: describeCode(needed(current.weather_code, "weather code")),
        temperature: round(temperature),
        feelsLike: round(current.apparent_temperature ?? temperature),
        humidity: round(needed(current.relative_humidity_2m, "humidity")),
        windSpeed: round(needed(current.wind_speed_10m, "wind speed")),
      };
    },

    async daily(place, days, units, signal): Promise<DailyWeather[]> {
      const query = {
        ...at(place, units),
        forecast_days: String(days),
        daily: Object.keys(DailyAnswer.shape.daily.shape)
          .filter((key) => key !== "time")
          .join(","),
      };
      const { daily } = await get(forecast, "/v1/forecast", query, DailyAnswer, signal);
      return daily.time.map((date, i) => {
        const chance = daily.precipitation_probability_max[i] ?? null;
        return {
          date,
          conditions: describeCode(needed(daily.weather_code[i], `weather code on ${date}`)),
          high: round(needed(daily.temperature_2m_max[i], `high on ${date}`)),
          low: round(needed(daily.temperature_2m_min[i], `low on ${date}`)),
          precipitationChance: chance === null ? null : round(chance),
        };
      });
    },
  };
}
