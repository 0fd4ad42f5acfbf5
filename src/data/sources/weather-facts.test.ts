import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type TestServer, startTestServer } from "./test-server.ts";
import { weatherFacts } from "./weather-facts.ts";
import { Daily, dailyFacts } from "./weather-sentences.ts";

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-weather-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const HANNIBAL = { name: "Hannibal, Missouri", latitude: 39.708381, longitude: -91.3585 };
const collect = (
  config: Record<string, unknown>,
  context: Record<string, unknown> = {},
): Promise<TestCollection> =>
  testCollect(
    weatherFacts,
    {
      places: [HANNIBAL],
      weatherGov: server.base,
      openMeteo: server.base,
      delaySeconds: 0,
      ...config,
    },
    { cacheDir: join(folder, "cache"), ...context },
  );
const serve = (answers: Record<string, unknown>): void => {
  server.answer = (path) => {
    const { pathname, search } = new URL(path, server.base);
    const body = answers[pathname + search] ?? answers[pathname];
    return body === undefined ? { status: 404 } : { status: 200, body: JSON.stringify(body) };
  };
};

describe("weather.gov", () => {
  const period = (more: object = {}): object => ({
    number: 1,
    name: "Saturday Night",
    startTime: "2026-11-21T18:00:00-06:00",
    endTime: "2026-11-22T06:00:00-06:00",
    isDaytime: false,
    temperature: 28,
    temperatureUnit: "F",
    probabilityOfPrecipitation: { unitCode: "wmoUnit:percent", value: null },
    windSpeed: "2 to 6 mph",
    windDirection: "N",
    shortForecast: "Mostly Clear",
    detailedForecast: "Mostly clear, with a low around 28.\nNorth wind 2 to 6 mph.",
    ...more,
  });
  const alert = (more: object = {}): object => ({
    id: "https://api.weather.gov/alerts/urn:oid:1",
    type: "Feature",
    geometry: null,
    properties: {
      id: "urn:oid:1",
      areaDesc: "Marion, MO; Ralls, MO",
      sent: "2026-11-21T03:12:00-06:00",
      expires: "2026-11-21T18:00:00-06:00",
      ends: "2026-11-22T00:00:00-06:00",
      status: "Actual",
      messageType: "Alert",
      severity: "Moderate",
      event: "Wind Advisory",
      senderName: "NWS St Louis MO",
      headline: "Wind Advisory issued November 21",
      description:
        "* WHAT...North winds 20 to 30 mph with gusts up\nto 50 mph expected.\n\n* WHERE...Portions of Missouri.\n\n* WHEN...Until midnight.",
      ...more,
    },
  });
  const gov = (periods: object[], alerts: object[] = []): void =>
    serve({
      "/points/39.7084,-91.3585": {
        properties: { gridId: "LSX", forecast: `${server.base}/gridpoints/LSX/54,126/forecast` },
      },
      "/gridpoints/LSX/54,126/forecast": {
        properties: { updateTime: "2026-11-21T11:26:50+00:00", periods },
      },
      "/alerts/active?point=39.7084,-91.3585": { type: "FeatureCollection", features: alerts },
    });

  test("a forecast is the forecaster's words with place, date and source", async () => {
    gov([
      period(),
      period({ name: "Sunday", startTime: "2026-11-22T06:00:00-06:00", detailedForecast: " " }),
    ]);
    const { documents, bad } = await collect({ facts: ["forecast"] });
    expect(bad).toEqual({ "no text": 1 });
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({
      id: "weather-facts:nws-forecast:39.7084,-91.3585:2026-11-21T18:00:00-06:00:2026-11-21",
      kind: "weather-answer",
      text: "Hannibal, Missouri, Saturday Night (November 21, 2026): Mostly clear, with a low around 28. North wind 2 to 6 mph. Forecast of the National Weather Service, issued November 21, 2026.",
      licence: "public domain (US National Weather Service)",
      url: `${server.base}/gridpoints/LSX/54,126/forecast`,
      synthetic: true,
      extra: {
        place: "Hannibal, Missouri",
        date: "2026-11-21",
        role: "neutral",
        terms: "https://www.weather.gov/disclaimer",
      },
    });
    expect(documents[0]!.extra).not.toHaveProperty("question");
    expect(server.headers.at(-1)!["user-agent"]).toContain("+test@twainbot.example");
    expect(server.headers.at(-1)!.accept).toContain("application/geo+json");
  });

  test("an alert says what, where, by whom and until when; tests and cancelled ones are left out", async () => {
    gov(
      [],
      [
        alert(),
        alert(),
        alert({ id: "2", status: "Test" }),
        alert({ id: "3", messageType: "Cancel" }),
        alert({ id: "4", description: null }),
        alert({
          id: "5",
          areaDesc: "A; B; C; D; E",
          ends: null,
          senderName: null,
          description: "A strong storm was over Hannibal.\n\nHAZARD...Hail.",
        }),
      ],
    );
    const { documents, bad } = await collect({ facts: ["alerts"] });
    expect(bad).toEqual({
      repeated: 1,
      "a test or an exercise": 1,
      cancelled: 1,
      "no text": 1,
    });
    expect(documents.map(({ text }) => text)).toEqual([
      "Wind Advisory for Marion, MO; Ralls, MO: North winds 20 to 30 mph with gusts up to 50 mph expected. Issued by NWS St Louis MO on November 21, 2026, in effect until November 22, 2026.",
      "Wind Advisory for A; B; C and 2 more areas: A strong storm was over Hannibal. Issued by the National Weather Service on November 21, 2026, in effect until November 21, 2026.",
    ]);
    expect(documents.every(({ synthetic }) => !synthetic)).toBe(true);
  });

  test("a place outside the United States is counted; other answers than promised stop the run", async () => {
    serve({});
    expect((await collect({ facts: ["forecast", "alerts"] })).bad).toEqual({
      "not a place of weather.gov": 2,
    });
    serve({ "/alerts/active": { features: [{ properties: { id: 5 } }] } });
    await expect(collect({ facts: ["alerts"] })).rejects.toMatchObject({
      code: "collect/bad-answer",
      message: expect.stringContaining("features.0.properties.id") as string,
    });
  });

  test("a forecast that leads into the private network is not followed", async () => {
    serve({ "/points/39.7084,-91.3585": { properties: { forecast: "http://169.254.169.254/x" } } });
    await expect(collect({ facts: ["forecast"] })).rejects.toMatchObject({
      code: "collect/private-address",
    });
  });
});

describe("Open-Meteo", () => {
  const body = {
    latitude: 39.7,
    timezone: "America/Chicago",
    daily_units: { temperature_2m_max: "°F" },
    daily: {
      time: ["2025-03-05", "2025-03-06", "2025-03-07"],
      weather_code: [61, 0, null],
      temperature_2m_max: [54.4, -0.4, 50],
      temperature_2m_min: [40.6, -11.5, 30],
      precipitation_sum: [0.24, 0, 0],
      wind_speed_10m_max: [17.6, null, 3],
    },
  };

  test("days that were are told as such; a day without values is counted", async () => {
    serve({ "/v1/archive": body });
    const days = { from: "2025-03-05", to: "2025-03-07" };
    const { documents, bad } = await collect({ days });
    expect(bad).toEqual({ "no values": 1 });
    expect(documents.map(({ text }) => text)).toEqual([
      "According to Open-Meteo, Hannibal, Missouri had light rain on March 5, 2025, with a high of 54 °F, a low of 41 °F, 0.24 inches of precipitation and wind up to 18 mph.",
      "According to Open-Meteo, Hannibal, Missouri had clear skies on March 6, 2025, with a high of 0 °F, a low of -11 °F and no precipitation.",
    ]);
    expect(documents[0]).toMatchObject({
      id: "weather-facts:open-meteo:39.7084,-91.3585:2025-03-05",
      licence: "CC BY 4.0 (weather data by Open-Meteo.com)",
      year: 2025,
      synthetic: true,
      extra: { date: "2025-03-05", terms: "https://open-meteo.com/en/terms" },
    });
    const query = new URL(documents[0]!.url!).searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      start_date: "2025-03-05",
      end_date: "2025-03-07",
      temperature_unit: "fahrenheit",
      latitude: "39.7084",
    });
    const asked = server.requests.length;
    expect((await collect({ days })).documents).toEqual(documents);
    expect(server.requests).toHaveLength(asked);
  });

  test("days to come are a forecast with the date it was made; celsius is asked for and said", async () => {
    serve({ "/v1/forecast": body });
    const { documents } = await collect({ units: "celsius" });
    expect(documents[0]!.text).toMatch(
      /^Open-Meteo's forecast of \w+ \d+, 20\d\d for Hannibal, Missouri on March 5, 2025 is light rain, with a high of 54 °C, a low of 41 °C, 0.24 mm of precipitation and wind up to 18 km\/h\.$/,
    );
    expect(new URL(documents[0]!.url!).searchParams.has("temperature_unit")).toBe(false);
    await expect(
      collect({}, { contact: undefined, cacheDir: join(folder, "other") }),
    ).resolves.toBeDefined();
  });

  test("every number of a sentence is one of the answer, rounded, in its units", () => {
    const value = fc.option(fc.double({ min: -60, max: 130, noNaN: true }), { nil: null });
    fc.assert(
      fc.property(value, value, value, value, (high, low, rain, wind) => {
        const answer = Daily.parse({
          daily: {
            time: ["2025-03-05"],
            weather_code: [3],
            temperature_2m_max: [high],
            temperature_2m_min: [low],
            precipitation_sum: [rain],
            wind_speed_10m_max: [wind],
          },
        });
        const [fact] = dailyFacts(answer, HANNIBAL, "x", "celsius", undefined);
        if (typeof fact === "string") expect(high === null || low === null).toBe(true);
        else {
          const numbers = fact!.text
            .split(" with ")[1]!
            .match(/-?\d[\d.e+-]*\d|-?\d/g)!
            .map(Number);
          const given = [high!, low!, rain, wind].filter((each) => each !== null);
          for (const number of numbers)
            expect(given.some((each) => Math.abs(each - number) <= 0.5)).toBe(true);
          expect(fact!.text).not.toContain("-0 ");
        }
      }),
    );
  });

  test("columns of different length and other nonsense are refused", async () => {
    for (const wrong of [
      { daily: { ...body.daily, weather_code: [1] } },
      { daily: { ...body.daily, time: ["yesterday"] } },
      { error: true, reason: "Out of range" },
      [],
    ]) {
      serve({ "/v1/forecast": wrong });
      await expect(collect({})).rejects.toMatchObject({ code: "collect/bad-answer" });
      await rm(join(folder, "cache"), { recursive: true });
    }
  });
});

test("the network is off unless asked, and weather.gov wants to know who asks", async () => {
  await expect(collect({}, { network: false })).rejects.toMatchObject({
    code: "collect/network-off",
  });
  await expect(collect({ facts: ["alerts"] }, { contact: undefined })).rejects.toMatchObject({
    code: "collect/no-contact",
  });
  expect(server.requests).toEqual([]);
  const parse = (more: object): boolean =>
    weatherFacts.schema.safeParse({ kind: "weather-facts", places: [HANNIBAL], ...more }).success;
  expect(parse({})).toBe(true);
  expect(parse({ days: { from: "2025-03-06", to: "2025-03-05" } })).toBe(false);
  expect(parse({ places: [{ ...HANNIBAL, latitude: 91 }] })).toBe(false);
});
