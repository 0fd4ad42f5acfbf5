/** Small real tools for tests of the loop and the server: one answers, one never does, one is broken. */
import { z } from "zod";
import type { Tool } from "../../src/core/chat.ts";
import type { JsonObject } from "../../src/core/json.ts";

const Place = z.strictObject({
  location: z.string().min(1),
  days: z.int().min(1).max(7).optional(),
});

/** Answers from a table of two places; counts what runs and what was aborted. */
export function tableWeather() {
  const log: string[] = [];
  const forecast: Tool<z.infer<typeof Place>> = {
    definition: {
      name: "get_forecast",
      description: "The weather of the coming days.",
      parameters: {
        type: "object",
        properties: {
          location: { type: "string" },
          days: { type: "integer", minimum: 1, maximum: 7 },
        },
        required: ["location"],
      },
    },
    args: Place,
    async run({ location, days = 1 }): Promise<JsonObject> {
      log.push(location);
      const high = { Hannibal: 62, Boston: 41 }[location];
      if (high === undefined)
        return { error: "location_not_found", message: `No place is called ${location}.` };
      const conditions = ["light rain", "overcast", "sunny"];
      return {
        location: `${location}, United States`,
        units: "fahrenheit",
        days: Array.from({ length: days }, (_, day) => ({
          date: `2026-11-${21 + day}`,
          conditions: conditions[day % 3]!,
          high: high + day,
          low: high - 14 + day,
          precipitation_chance: 70 - 20 * day,
        })),
      };
    },
  };
  return { tool: forecast, log };
}

/** Waits for its signal; `started` and `aborted` say what it saw. */
export function endlessTool(name = "get_forecast") {
  const seen = { started: 0, aborted: 0 };
  const tool: Tool = {
    definition: {
      name,
      description: "Never answers.",
      parameters: { type: "object", properties: {} },
    },
    args: z.unknown(),
    run: (_, signal) =>
      new Promise((_resolve, reject) => {
        seen.started += 1;
        signal.addEventListener("abort", () => {
          seen.aborted += 1;
          reject(signal.reason as Error);
        });
      }),
  };
  return { tool, seen };
}

/** Throws what it is given. */
export const throwingTool = (error: Error, name = "get_forecast"): Tool => ({
  definition: { name, description: "Fails.", parameters: { type: "object", properties: {} } },
  args: z.unknown(),
  run: () => Promise.reject(error),
});
