/** WMO weather codes as noun phrases that fit after "expect" and "there will be". */

/** Open-Meteo's `weather_code` (WMO 4677, the part that forecasts use). */
const PHRASES: Readonly<Record<number, string>> = {
  0: "clear skies",
  1: "mostly clear skies",
  2: "scattered clouds",
  3: "overcast skies",
  45: "fog",
  48: "freezing fog",
  51: "light drizzle",
  53: "steady drizzle",
  55: "heavy drizzle",
  56: "light freezing drizzle",
  57: "heavy freezing drizzle",
  61: "light rain",
  63: "steady rain",
  65: "heavy rain",
  66: "light freezing rain",
  67: "heavy freezing rain",
  71: "light snow",
  73: "steady snow",
  75: "heavy snow",
  77: "snow grains",
  80: "light rain showers",
  81: "steady rain showers",
  82: "violent rain showers",
  85: "light snow showers",
  86: "heavy snow showers",
  95: "thunderstorms",
  96: "thunderstorms with light hail",
  99: "thunderstorms with heavy hail",
};

/** Every phrase that `describeCode` gives for a known code. */
export const CONDITION_PHRASES: readonly string[] = Object.values(PHRASES);

/** The noun phrase of a WMO code: 61 → "light rain"; an unlisted code says so. */
export const describeCode = (code: number): string => PHRASES[code] ?? `unknown (code ${code})`;
