/**
 * The weather as plain sentences with source and date: forecasts and alerts of the US National Weather Service
 * (https://www.weather.gov/documentation/services-web-api) and daily values of Open-Meteo (https://open-meteo.com/en/docs).
 */
import { z } from "zod";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { sha256 } from "../../core/hash.ts";
import { createManners } from "./manners.ts";
import { parseAnswer } from "./parse-answer.ts";
import { type PoliteFetch, createPoliteFetch } from "./polite-fetch.ts";
import type { Collected, Source, SourceContext } from "./source.ts";
import {
  type Fact,
  type Place,
  Alerts,
  Daily,
  Forecast,
  Points,
  alertFacts,
  dailyFacts,
  dailyVariables,
  forecastFacts,
} from "./weather-sentences.ts";

const Config = z.strictObject({
  kind: z.literal("weather-facts"),
  places: z
    .array(
      z.strictObject({
        /** As it is to stand in a sentence. */
        name: z.string().trim().min(1).max(100),
        latitude: z.number().min(-90).max(90),
        longitude: z.number().min(-180).max(180),
      }),
    )
    .nonempty(),
  /** `forecast` and `alerts` are of the National Weather Service and of places in the United States. */
  facts: z
    .array(z.enum(["forecast", "alerts", "daily"]))
    .nonempty()
    .default(["daily"]),
  /** Of daily values: days that were. Left out, the forecast of the next seven. */
  days: z
    .strictObject({ from: z.iso.date(), to: z.iso.date() })
    .refine(({ from, to }) => from <= to, "from is after to")
    .optional(),
  units: z.enum(["fahrenheit", "celsius"]).default("fahrenheit"),
  /** Servers of one's own that answer the same paths. */
  weatherGov: z.url({ protocol: /^https?$/ }).default("https://api.weather.gov"),
  openMeteo: z.url({ protocol: /^https?$/ }).optional(),
  delaySeconds: z.number().nonnegative().default(2),
  /** Of forecasts and alerts; what was, stays. */
  maxAgeHours: z.number().nonnegative().default(6),
});
type Config = z.infer<typeof Config>;

const ARCHIVE = "https://archive-api.open-meteo.com";
const FORECAST = "https://api.open-meteo.com";
const NWS = {
  licence: "public domain (US National Weather Service)",
  terms: "https://www.weather.gov/disclaimer",
};
const OPEN_METEO = {
  licence: "CC BY 4.0 (weather data by Open-Meteo.com)",
  terms: "https://open-meteo.com/en/terms",
};

/** Four decimals, as far as weather.gov knows a point. */
const coordinates = ({ latitude, longitude }: Place): string =>
  `${Number(latitude.toFixed(4))},${Number(longitude.toFixed(4))}`;

function toDocument(
  fact: Fact,
  place: Place,
  from: { licence: string; terms: string; url: string; fetchedAt: string },
): Document {
  return {
    id: `weather-facts:${fact.id}`,
    kind: "weather-answer",
    text: fact.text,
    source: "weather-facts",
    url: from.url,
    licence: from.licence,
    title: fact.title,
    year: Number(fact.date.slice(0, 4)),
    sha256: sha256(fact.text),
    fetchedAt: from.fetchedAt,
    synthetic: fact.composed,
    extra: { role: "neutral", place: place.name, date: fact.date, terms: from.terms },
  };
}

function checkAllowed(config: Config, context: SourceContext): void {
  if (!context.network)
    throw new TwainError(
      "collect/network-off",
      `the weather of ${config.places.length} places would have to be downloaded and the network is off`,
      { hint: "Allow downloads with data.network=true." },
    );
  if (context.contact === undefined && config.facts.some((what) => what !== "daily"))
    throw new TwainError("collect/no-contact", "weather.gov wants to know who asks", {
      hint: "Give your e-mail or web address: data.contact=you@example.org.",
    });
}

export const weatherFacts: Source<Config> = {
  kind: "weather-facts",
  schema: Config,

  async *collect(config, context) {
    checkAllowed(config, context);
    const { places, facts, units, days } = config;
    const gov = config.weatherGov.replace(/\/+$/, "");
    const manners = context.manners ?? createManners();
    const fetcher = (maxAgeHours: number): PoliteFetch =>
      createPoliteFetch({
        ...context,
        manners,
        delaySeconds: config.delaySeconds,
        maxAgeHours,
        maxBytes: 8 << 20,
        headers: () => ({ accept: "application/geo+json, application/json" }),
        instead: "leave the weather out of data.sources",
      });
    const passing = fetcher(config.maxAgeHours);
    const lasting = fetcher(Infinity);
    const seen = new Set<string>();

    function* told(
      found: readonly (Fact | string)[],
      place: Place,
      from: Parameters<typeof toDocument>[2],
    ): Generator<Collected> {
      for (const [i, fact] of found.entries()) {
        const reason = typeof fact === "string" ? fact : seen.has(fact.id) ? "repeated" : undefined;
        if (typeof fact !== "string" && reason === undefined) {
          seen.add(fact.id);
          yield { type: "document", document: toDocument(fact, place, from) };
        } else yield { type: "bad", reason: reason!, at: `${from.url}#${i + 1}` };
      }
    }

    async function* forecast(place: Place): AsyncGenerator<Collected> {
      const at = `${gov}/points/${coordinates(place)}`;
      const point = await lasting.get(at);
      if (!point) {
        yield { type: "bad", reason: "not a place of weather.gov", at };
        return;
      }
      const url = parseAnswer(point.bytes, Points, at).properties.forecast;
      const found = await passing.get(url);
      if (!found) {
        yield { type: "bad", reason: "no forecast", at: url };
        return;
      }
      const facts = forecastFacts(
        parseAnswer(found.bytes, Forecast, url),
        place,
        coordinates(place),
      );
      yield* told(facts, place, { ...NWS, url, fetchedAt: found.fetchedAt });
    }

    async function* alerts(place: Place): AsyncGenerator<Collected> {
      const url = `${gov}/alerts/active?point=${coordinates(place)}`;
      const found = await passing.get(url);
      if (!found) {
        yield { type: "bad", reason: "not a place of weather.gov", at: url };
        return;
      }
      const facts = alertFacts(parseAnswer(found.bytes, Alerts, url));
      yield* told(facts, place, { ...NWS, url, fetchedAt: found.fetchedAt });
    }

    async function* daily(place: Place): AsyncGenerator<Collected> {
      const base = (config.openMeteo ?? (days ? ARCHIVE : FORECAST)).replace(/\/+$/, "");
      const [latitude, longitude] = coordinates(place).split(",") as [string, string];
      const query = new URLSearchParams({
        latitude,
        longitude,
        daily: dailyVariables.join(","),
        timezone: "auto",
        ...(units === "fahrenheit" && {
          temperature_unit: "fahrenheit",
          wind_speed_unit: "mph",
          precipitation_unit: "inch",
        }),
        ...(days ? { start_date: days.from, end_date: days.to } : { forecast_days: "7" }),
      });
      const url = `${base}/v1/${days ? "archive" : "forecast"}?${query.toString()}`;
      const found = await (days ? lasting : passing).get(url);
      if (!found)
        throw new TwainError("collect/missing-feed", `${url} does not exist`, {
          hint: "Is openMeteo the address of a server that answers Open-Meteo's paths?",
        });
      const issued = days ? undefined : found.fetchedAt.slice(0, 10);
      const facts = dailyFacts(
        parseAnswer(found.bytes, Daily, url),
        place,
        coordinates(place),
        units,
        issued,
      );
      yield* told(facts, place, { ...OPEN_METEO, url, fetchedAt: found.fetchedAt });
    }

    const makers = { forecast, alerts, daily };
    for (const [i, place] of places.entries()) {
      context.signal.throwIfAborted();
      for (const what of facts) yield* makers[what](place);
      yield { type: "progress", label: place.name, done: i + 1, total: places.length };
    }
  },
};
