/** `--weather`: where chat and server get weather from, and the tools over it. */
import type { Tool } from "../core/chat.ts";
import { createOfflineProvider } from "../weather/offline.ts";
import { createOpenMeteo } from "../weather/open-meteo.ts";
import { loadPlaces } from "../weather/place.ts";
import type { WeatherProvider } from "../weather/provider.ts";
import { createWeatherTools } from "../weather/tools.ts";

export const weatherArg = {
  weather: {
    type: "enum" as const,
    options: ["offline", "open-meteo"],
    default: "offline",
    description:
      "Made-up but plausible weather without a network, or real forecasts from Open-Meteo",
  },
};

export async function openWeather(
  name: string,
): Promise<{ provider: WeatherProvider; tools: Tool[] }> {
  const now = (): Date => new Date();
  const provider =
    name === "open-meteo"
      ? createOpenMeteo()
      : createOfflineProvider({ places: await loadPlaces(), now });
  return { provider, tools: createWeatherTools(provider, now) };
}
