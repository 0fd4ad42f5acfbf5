/** How fields of a tool result read in print. Unknown fields are shown too, with their name made readable. */
import type { JsonObject, JsonValue } from "../../src/core/json.ts";

const LABELS: Record<string, string> = {
  conditions: "Sky",
  feels_like: "Feels like",
  precipitation_chance: "Rain",
  wind_speed: "Wind",
};

/** Said elsewhere: above the table, or as the unit of a figure. */
const SILENT = new Set(["location", "units", "wind_units"]);

export const isRow = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const fieldLabel = (key: string): string =>
  LABELS[key] ?? `${key.charAt(0).toUpperCase()}${key.slice(1).replaceAll("_", " ")}`;

/** A weekday beside its date would say the same twice. */
export const shownFields = (row: JsonObject): [string, JsonValue][] =>
  Object.entries(row).filter(([key]) => !SILENT.has(key) && !(key === "weekday" && "date" in row));

function dateText(iso: string): string {
  // Noon, so that no time zone moves the day.
  const date = new Date(`${iso}T12:00:00`);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toLocaleDateString("en-US", { weekday: "short", month: "short", day: "numeric" });
}

const UNIT_LETTERS: Record<string, string> = { fahrenheit: "F", celsius: "C" };
const TEMPERATURES = new Set(["high", "low", "temperature", "feels_like"]);

/** The unit of a figure, with its space: of a cell, or of a column where the rows name none. */
export function unitOf(key: string, row: JsonObject): string {
  if (key === "wind_speed") return typeof row.wind_units === "string" ? ` ${row.wind_units}` : "";
  const letter = typeof row.units === "string" ? UNIT_LETTERS[row.units] : undefined;
  return letter && TEMPERATURES.has(key) ? ` °${letter}` : "";
}

/** `row` holds the units that go with the figure. */
export function cellText(key: string, value: JsonValue, row: JsonObject): string {
  if (value === null) return "not given";
  if (typeof value === "string") return key === "date" ? dateText(value) : value;
  if (typeof value !== "number") return JSON.stringify(value);
  if (key === "precipitation_chance" || key === "humidity") return `${value}%`;
  return `${value}${unitOf(key, row)}`;
}
