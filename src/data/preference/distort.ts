/** A tool result that says something else: what an answer would be filled from that was made up. */
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { CONDITION_PHRASES } from "../../weather/conditions.ts";

const TEMPERATURES = ["high", "low", "temperature", "feels_like"];
const PERCENT = ["precipitation_chance", "humidity"];

/** Another whole number from `low` to `high`. */
function other(value: number, low: number, high: number, random: Random): number {
  const drawn = random.integer(low, high - 1);
  return drawn >= value ? drawn + 1 : drawn;
}

/** Every number differs, temperatures by one and the same step, and often the sky; place, date and units stay. */
export function distort(result: JsonObject, random: Random): JsonObject {
  const step = random.integer(3, 14) * (random.next() < 0.5 ? -1 : 1);
  const anotherSky = random.next() < 0.4;
  const changed = (facts: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(facts).map(([key, value]) => {
        if (key === "days" && Array.isArray(value))
          return [key, value.map((day) => (isJsonObject(day) ? changed(day) : day))];
        if (key === "conditions" && anotherSky)
          return [key, random.pick(CONDITION_PHRASES.filter((phrase) => phrase !== value))];
        if (typeof value !== "number") return [key, value];
        if (TEMPERATURES.includes(key)) return [key, value + step];
        if (PERCENT.includes(key)) return [key, other(value, 0, 100, random)];
        return [key, other(value, 0, 40, random)];
      }),
    );
  return changed(result);
}
