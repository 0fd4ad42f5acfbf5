/**
 * Weather without a network: made up, but plausible for latitude and season, and the same for the
 * same place and date for ever. Tests, training episodes and demonstrations live in it.
 */
import { createRandom } from "../core/random.ts";
import { describeCode } from "./conditions.ts";
import { type Place, createPlaceFinder, placeLabel } from "./place.ts";
import type { CurrentWeather, DailyWeather, Units, WeatherProvider } from "./provider.ts";
import { addDays } from "./resolve-date.ts";
import { createZoneClock } from "./zone-clock.ts";

/** One day in Celsius and km/h; both unit systems are rounded from these values. */
interface Day {
  code: number;
  high: number;
  low: number;
  chance: number;
  humidity: number;
  wind: number;
}

const toUnits = (celsius: number, units: Units): number =>
  // `+ 0` turns -0 into 0.
  Math.round(units === "fahrenheit" ? (celsius * 9) / 5 + 32 : celsius) + 0;

const toWind = (kmh: number, units: Units): number =>
  Math.round(units === "fahrenheit" ? kmh / 1.609344 : kmh);

/** 1 at midsummer, -1 at midwinter; the warmest day is about July 20 in the north. */
function season(latitude: number, date: string): number {
  const day = (Date.parse(date) - Date.parse(`${date.slice(0, 4)}-01-01`)) / 86_400_000;
  return Math.cos((2 * Math.PI * (day - 200)) / 365) * (latitude >= 0 ? 1 : -1);
}

function wetCode(high: number, low: number, random: { next(): number }): number {
  const light = random.next();
  const pick = (codes: readonly [number, number, number]): number =>
    codes[light < 0.45 ? 0 : light < 0.8 ? 1 : 2];
  if (high < 1) return random.next() < 0.75 ? pick([71, 73, 75]) : pick([85, 77, 86]);
  if (high < 4 && low < 0) return random.next() < 0.6 ? pick([71, 73, 75]) : pick([56, 66, 67]);
  if (high > 19 && random.next() < 0.3) return pick([95, 95, 96]);
  const kind = random.next();
  return kind < 0.25 ? pick([51, 53, 55]) : kind < 0.7 ? pick([61, 63, 65]) : pick([80, 81, 82]);
}

function makeDay(place: Place, date: string): Day {
  const random = createRandom(0).fork(`${placeLabel(place)} ${date}`);
  const away = Math.abs(place.latitude);
  const mean =
    28 -
    0.42 * Math.max(0, away - 8) +
    0.27 * away * season(place.latitude, date) +
    3.2 * random.normal();
  const swing = 5 + 8 * random.next();
  const high = mean + swing / 2;
  const low = mean - swing / 2;
  const sky = random.next();
  const wet = sky > 0.6;
  const dry = sky < 0.2 ? 0 : sky < 0.32 ? 1 : sky < 0.46 ? 2 : sky < 0.55 ? 3 : 45;
  const code = wet ? wetCode(high, low, random) : dry === 45 && low < 0 ? 48 : dry;
  const chance = wet
    ? 50 + Math.floor(49 * random.next())
    : Math.floor(random.next() * (code < 2 ? 12 : 36));
  const damp = wet || code >= 45 ? 72 : 42;
  return {
    code,
    high,
    low,
    chance,
    humidity: damp + Math.floor(26 * random.next()),
    wind: 2 + 30 * random.next() ** 2 + (code >= 80 ? 8 : 0),
  };
}

/** Wind chill in the cold, humid heat in the hot, else the temperature itself (Celsius, km/h). */
function feelsLike(celsius: number, wind: number, humidity: number): number {
  if (celsius <= 10 && wind > 5) {
    // Environment Canada's formula, valid to 10 °C and above 5 km/h.
    return 13.12 + 0.6215 * celsius + (0.3965 * celsius - 11.37) * wind ** 0.16;
  }
  return celsius >= 26 ? celsius + (humidity - 40) / 12 : celsius;
}

/** A deterministic provider over a list of places; `now` is its clock. Any date has weather. */
export function createOfflineProvider(options: {
  places: readonly Place[];
  now: () => Date;
}): WeatherProvider {
  const find = createPlaceFinder(options.places);
  const clock = createZoneClock();
  return {
    name: "offline",
    async find(location, signal) {
      signal.throwIfAborted();
      return find(location);
    },
    async current(place, units, signal): Promise<CurrentWeather> {
      signal.throwIfAborted();
      const now = options.now();
      const day = makeDay(place, clock.date(now, place.timezone));
      // Warmest at 15 h, coldest at 3 h.
      const warmth =
        (1 + Math.cos((2 * Math.PI * (clock.hour(now, place.timezone) - 15)) / 24)) / 2;
      const celsius = day.low + (day.high - day.low) * warmth;
      return {
        conditions: describeCode(day.code),
        temperature: toUnits(celsius, units),
        feelsLike: toUnits(feelsLike(celsius, day.wind, day.humidity), units),
        humidity: day.humidity,
        windSpeed: toWind(day.wind, units),
      };
    },
    async daily(place, days, units, signal): Promise<DailyWeather[]> {
      signal.throwIfAborted();
      const today = clock.date(options.now(), place.timezone);
      return Array.from({ length: days }, (_, ahead) => {
        const date = addDays(today, ahead);
        const day = makeDay(place, date);
        return {
          date,
          conditions: describeCode(day.code),
          high: toUnits(day.high, units),
          low: toUnits(day.low, units),
          precipitationChance: day.chance,
        };
      });
    },
  };
}
