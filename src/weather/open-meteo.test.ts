import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { createOpenMeteo, type OpenMeteoOptions } from "./open-meteo.ts";
import type { Place } from "./place.ts";
import type { WeatherProvider } from "./provider.ts";
import { createWeatherTools } from "./tools.ts";

const signal = new AbortController().signal;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Reply {
  status?: number;
  body?: unknown;
  text?: string;
  headers?: Record<string, string>;
  delayMs?: number;
}

/** A real server on loopback that answers each request as told, and the provider that asks it. */
async function serve(
  answer: (url: URL, count: number) => Reply,
  options: OpenMeteoOptions = {},
): Promise<{ provider: WeatherProvider; requests: URL[] }> {
  const requests: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://loopback");
    requests.push(url);
    const reply = answer(url, requests.length);
    const send = (): void => {
      response.writeHead(reply.status ?? 200, {
        "content-type": "application/json",
        ...reply.headers,
      });
      response.end(reply.text ?? JSON.stringify(reply.body));
    };
    if (reply.delayMs) setTimeout(send, reply.delayMs).unref();
    else send();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = createOpenMeteo({
    geocodingUrl: base,
    forecastUrl: base,
    retryMs: 20,
    ...options,
  });
  return { provider, requests };
}

const geo = (name: string, admin1: string, country: string, code: string): object => ({
  id: 4388460,
  name,
  latitude: 39.70838,
  longitude: -91.35848,
  elevation: 150,
  feature_code: "PPL",
  country_code: code,
  timezone: "America/Chicago",
  population: 17808,
  country,
  admin1,
  generationtime_ms: 0.5,
});
const hannibal = geo("Hannibal", "Missouri", "United States", "US");
const elsewhere = geo("Hannibal", "New York", "United States", "US");
const place: Place = {
  name: "Hannibal",
  region: "Missouri",
  country: "United States",
  latitude: 39.70838,
  longitude: -91.35848,
  timezone: "America/Chicago",
};
const currentBody = {
  latitude: 39.71,
  longitude: -91.36,
  generationtime_ms: 0.06,
  utc_offset_seconds: -21600,
  timezone: "America/Chicago",
  current_units: { temperature_2m: "°F" },
  current: {
    time: "2026-11-20T17:30",
    interval: 900,
    temperature_2m: 41.6,
    apparent_temperature: 35.2,
    relative_humidity_2m: 71,
    weather_code: 61,
    wind_speed_10m: 9.5,
  },
};
const dailyBody = {
  timezone: "America/Chicago",
  daily: {
    time: ["2026-11-20", "2026-11-21"],
    weather_code: [3, 71],
    temperature_2m_max: [44.4, 33.5],
    temperature_2m_min: [30.1, -0.4],
    precipitation_probability_max: [12, null],
  },
};

test("a place is looked up with its qualifier, and the right one is taken", async () => {
  const { provider, requests } = await serve(() => ({ body: { results: [elsewhere, hannibal] } }));
  expect(await provider.find("Hannibal, MO", signal)).toEqual(place);
  expect(requests[0]!.searchParams.get("name")).toBe("Hannibal, MO");
  expect(requests[0]!.searchParams.get("format")).toBe("json");
});

test("an older geocoder that knows no commas is asked again, and filtered here", async () => {
  const { provider, requests } = await serve((url) =>
    url.searchParams.get("name")!.includes(",")
      ? { body: { generationtime_ms: 0.4 } }
      : { body: { results: [elsewhere, hannibal] } },
  );
  expect((await provider.find("Hannibal, Missouri, USA", signal))?.region).toBe("Missouri");
  expect(requests).toHaveLength(2);
  expect(await provider.find("Hannibal, Texas", signal)).toBeUndefined();
});

test("nothing found is a 200 without results", async () => {
  const { provider } = await serve(() => ({ body: { generationtime_ms: 0.4 } }));
  expect(await provider.find("Zzyzzxville", signal)).toBeUndefined();
});

test("current weather is asked for in the units and rounded", async () => {
  const { provider, requests } = await serve(() => ({ body: currentBody }));
  expect(await provider.current(place, "fahrenheit", signal)).toEqual({
    conditions: "light rain",
    temperature: 42,
    feelsLike: 35,
    humidity: 71,
    windSpeed: 10,
  });
  const query = Object.fromEntries(requests[0]!.searchParams);
  expect(query).toMatchObject({
    timezone: "auto",
    temperature_unit: "fahrenheit",
    wind_speed_unit: "mph",
    latitude: "39.70838",
  });
  expect(query.apikey).toBeUndefined();
});

test("a daily forecast, with what the service does not know as null", async () => {
  const { provider, requests } = await serve(() => ({ body: dailyBody }));
  const days = await provider.daily(place, 2, "celsius", signal);
  expect(days[1]).toEqual({
    date: "2026-11-21",
    conditions: "light snow",
    high: 34,
    low: 0,
    precipitationChance: null,
  });
  expect(Object.is(days[1]!.low, -0)).toBe(false);
  expect(requests[0]!.searchParams.get("forecast_days")).toBe("2");
});

test("the tools work on it end to end", async () => {
  const { provider } = await serve((url) => ({
    body: url.pathname === "/v1/search" ? { results: [hannibal] } : dailyBody,
  }));
  const tools = createWeatherTools(provider, () => new Date("2026-11-20T23:30:00Z"));
  const tool = tools.find((one) => one.definition.name === "get_weather")!;
  const result = await tool.run(
    tool.args.parse({ location: "Hannibal", date: "tomorrow" }),
    signal,
  );
  expect(result).toEqual({
    location: "Hannibal, Missouri, United States",
    date: "2026-11-21",
    conditions: "light snow",
    high: 34,
    low: 0,
    units: "fahrenheit",
    precipitation_chance: null,
  });
});

test.each([429, 503])("after %d it tries once more", async (status) => {
  const busy = {
    status,
    headers: { "retry-after": "0" },
    body: {
      error: true,
      reason: "Minutely API request limit exceeded. Please try again in one minute.",
    },
  };
  const once = await serve((_, count) => (count === 1 ? busy : { body: currentBody }));
  expect((await once.provider.current(place, "celsius", signal)).temperature).toBe(42);
  const always = await serve(() => busy);
  await expect(always.provider.current(place, "celsius", signal)).rejects.toMatchObject({
    code: "weather/unavailable",
  });
  expect(always.requests).toHaveLength(2);
});

const faults: [string, Reply, RegExp][] = [
  [
    "a refusal",
    { status: 400, body: { error: true, reason: "Invalid timezone" } },
    /Invalid timezone/,
  ],
  ["not JSON", { text: "<html>busy</html>" }, /no JSON/],
  ["a server error", { status: 500, body: {} }, /status 500/],
  ["another shape", { body: { current: { temperature_2m: "warm" } } }, /unexpected answer/],
  [
    "no reading",
    { body: { current: { ...currentBody.current, temperature_2m: null } } },
    /no temperature/,
  ],
  ["too much", { text: `"${"x".repeat(5000)}"` }, /more than 4000 bytes/],
  ["silence", { body: currentBody, delayMs: 3000 }, /did not answer within 300 ms/],
];
test.each(faults)("%s is unavailable weather, and no key gets out", async (_, reply, message) => {
  const { provider, requests } = await serve(() => reply, {
    apiKey: "sekret-key",
    maxBytes: 4000,
    // Long enough for a busy machine, except where the silence itself is tested.
    ...(reply.delayMs && { timeoutMs: 300 }),
  });
  const error: unknown = await provider.current(place, "celsius", signal).catch((e: unknown) => e);
  expect(error).toMatchObject({ code: "weather/unavailable" });
  expect(String(error)).toMatch(message);
  expect(requests[0]!.searchParams.get("apikey")).toBe("sekret-key");
  const shown = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error);
  expect(shown).not.toContain("sekret-key");
});

test("a service that is not there is unavailable", async () => {
  const provider = createOpenMeteo({ forecastUrl: "http://127.0.0.1:9" });
  await expect(provider.current(place, "celsius", signal)).rejects.toMatchObject({
    code: "weather/unavailable",
  });
});

test("the same question is answered from the cache, until it is old", async () => {
  // The cache's clock moves only when told, so that no machine is too slow for the second question.
  let clock = performance.now();
  const spy = vi.spyOn(performance, "now").mockImplementation(() => clock);
  closers.push(() => spy.mockRestore());
  const { provider, requests } = await serve(() => ({ body: currentBody }), { cacheMs: 1200 });
  await provider.current(place, "celsius", signal);
  await provider.current(place, "celsius", signal);
  expect(requests).toHaveLength(1);
  clock += 1300;
  await provider.current(place, "celsius", signal);
  expect(requests).toHaveLength(2);
});

test("the cache is bounded and a failure is never kept", async () => {
  const { provider, requests } = await serve(
    (_, count) => (count === 1 ? { status: 500, body: {} } : { body: currentBody }),
    { cacheEntries: 1 },
  );
  await expect(provider.current(place, "celsius", signal)).rejects.toThrow();
  await provider.current(place, "celsius", signal);
  await provider.current(place, "fahrenheit", signal);
  await provider.current(place, "celsius", signal);
  expect(requests).toHaveLength(4);
});

test("requests beyond the rate wait their turn", async () => {
  const { provider, requests } = await serve(() => ({ body: currentBody }), {
    perMinute: 2,
    timeoutMs: 1500,
  });
  await provider.current(place, "celsius", signal);
  await provider.current(place, "fahrenheit", signal);
  const third = provider.current({ ...place, latitude: 1 }, "celsius", signal);
  await expect(third).rejects.toMatchObject({ code: "weather/unavailable" });
  expect(requests).toHaveLength(2);
});

test("an abort of the caller stays an abort", async () => {
  const { provider } = await serve(() => ({ body: currentBody, delayMs: 3000 }));
  const controller = new AbortController();
  const asked = provider.current(place, "celsius", controller.signal);
  setTimeout(() => controller.abort(), 50);
  await expect(asked).rejects.toMatchObject({ name: "AbortError" });
});

test("a key means the paid hosts, and the licence is named", async () => {
  const provider = createOpenMeteo({ apiKey: "k" });
  expect(provider.attribution).toBe("Weather data by Open-Meteo.com (CC BY 4.0)");
  await expect(provider.find("Hannibal", AbortSignal.abort())).rejects.toThrow();
});
