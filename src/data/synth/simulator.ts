/** The weather tools in a made-up world whose clock and whose failures the caller sets. */
import { z } from "zod";
import type { Tool } from "../../core/chat.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { createOfflineProvider } from "../../weather/offline.ts";
import type { Place } from "../../weather/place.ts";
import { WeatherUnavailable, type WeatherProvider } from "../../weather/provider.ts";
import { createPlaceTools } from "../../weather/place-tools.ts";
import { createWeatherTools } from "../../weather/tools.ts";

/** How a source of weather fails: it is not there, is too slow, or knows nothing about the days asked for. */
export const Failure = z.enum(["unavailable", "timeout", "empty"]);
export type Failure = z.infer<typeof Failure>;

/** What a row's tools saw, which the row itself does not say: needed to run its calls again. */
export const RowWorld = z.strictObject({
  /** The row's id. */
  row: z.string(),
  /** Its present, an ISO instant. */
  now: z.iso.datetime(),
  failure: Failure.optional(),
});
export type RowWorld = z.infer<typeof RowWorld>;

/** Weather as of a clock that each episode sets; a `failure` makes the source fail. */
export interface Simulator {
  tools: readonly Tool[];
  set(now: Date, failure?: Failure): void;
  /** What was set, in words of a `RowWorld`. */
  world(): Omit<RowWorld, "row">;
  run(name: string, args: JsonObject, signal: AbortSignal): Promise<JsonObject>;
}

export function createSimulator(world: readonly Place[]): Simulator {
  let clock = new Date(0);
  let failing: Failure | undefined;
  const offline = createOfflineProvider({ places: world, now: () => clock });
  const check = (): void => {
    if (failing === "unavailable")
      throw new WeatherUnavailable("the weather service did not answer");
    if (failing === "timeout")
      throw new WeatherUnavailable("the weather service did not answer within 10000 ms");
  };
  const provider: WeatherProvider = {
    name: "simulated",
    find: async (location, signal) => {
      check();
      return offline.find(location, signal);
    },
    current: offline.current.bind(offline),
    daily: async (...asked) => (failing === "empty" ? [] : offline.daily(...asked)),
  };
  const tools = [
    ...createWeatherTools(provider, () => clock),
    ...createPlaceTools(provider, world, () => clock),
  ];
  return {
    tools,
    set(now, failure) {
      clock = now;
      failing = failure;
    },
    world: () => ({ now: clock.toISOString(), ...(failing && { failure: failing }) }),
    async run(name, args, signal) {
      const tool = tools.find((candidate) => candidate.definition.name === name);
      if (!tool) throw new Error(`no weather tool ${name}`);
      return tool.run(tool.args.parse(args), signal);
    },
  };
}

const DAY_MS = 86_400_000;
const EPOCH = Date.parse("2024-01-01T00:00:00Z");

/** Some minute of four years, so that every season and every length of day comes up. */
export const someMoment = (random: Random): Date =>
  new Date(EPOCH + Math.floor((random.next() * 4 * 365 * DAY_MS) / 60_000) * 60_000);
