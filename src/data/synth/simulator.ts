/** The weather tools in a made-up world whose clock and whose failures the caller sets. */
import type { Tool } from "../../core/chat.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { createOfflineProvider } from "../../weather/offline.ts";
import type { Place } from "../../weather/place.ts";
import { WeatherUnavailable, type WeatherProvider } from "../../weather/provider.ts";
import { createWeatherTools } from "../../weather/tools.ts";

/** Weather as of a clock that each episode sets; `down` makes the source fail. */
export interface Simulator {
  tools: readonly Tool[];
  set(now: Date, down: boolean): void;
  run(name: string, args: JsonObject, signal: AbortSignal): Promise<JsonObject>;
}

export function createSimulator(world: readonly Place[]): Simulator {
  let clock = new Date(0);
  let failing = false;
  const offline = createOfflineProvider({ places: world, now: () => clock });
  const check = (): void => {
    if (failing) throw new WeatherUnavailable("the weather service did not answer");
  };
  const provider: WeatherProvider = {
    name: "simulated",
    find: async (location, signal) => {
      check();
      return offline.find(location, signal);
    },
    current: offline.current.bind(offline),
    daily: offline.daily.bind(offline),
  };
  const tools = createWeatherTools(provider, () => clock);
  return {
    tools,
    set(now, down) {
      clock = now;
      failing = down;
    },
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
