/** `WeatherProvider`: where weather comes from. The tools know nothing else about it. */
import { TwainError } from "../core/errors.ts";
import type { Place } from "./place.ts";

export type Units = "celsius" | "fahrenheit";

/** Temperatures are integers in the asked units; wind is mph with fahrenheit, km/h with celsius. */
export interface CurrentWeather {
  conditions: string;
  temperature: number;
  feelsLike: number;
  /** Percent. */
  humidity: number;
  windSpeed: number;
}

export interface DailyWeather {
  /** ISO, in the place's own time zone. */
  date: string;
  conditions: string;
  high: number;
  low: number;
  /** Percent; null where the source has none, as at the far end of its horizon. */
  precipitationChance: number | null;
}

/** All methods throw `WeatherUnavailable` when the source fails, and the signal's reason when aborted. */
export interface WeatherProvider {
  readonly name: string;
  /** What must be shown beside the weather, if the source's licence asks for it. */
  readonly attribution?: string;
  /** The place that a text names, or undefined. */
  find(location: string, signal: AbortSignal): Promise<Place | undefined>;
  current(place: Place, units: Units, signal: AbortSignal): Promise<CurrentWeather>;
  /** `days` entries (1 to 16), the first for today as the place's clock has it. */
  daily(place: Place, days: number, units: Units, signal: AbortSignal): Promise<DailyWeather[]>;
}

/** The source of weather failed; never carries a key or a full address. */
export class WeatherUnavailable extends TwainError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super("weather/unavailable", message, {
      hint: "Try again shortly, or use --weather offline.",
      ...options,
    });
  }
}

export const windUnits = (units: Units): "mph" | "km/h" =>
  units === "fahrenheit" ? "mph" : "km/h";
