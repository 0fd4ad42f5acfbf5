/** Questions that ask for a fact by name get it, or hear that the report lacks it; a silent answer is refused. */
import { beforeAll, expect, test } from "vitest";
import type { Conversation } from "../../core/conversation.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import { createRandom } from "../../core/random.ts";
import { type Place, loadPlaces } from "../../weather/place.ts";
import { textOf } from "./answer.ts";
import { factValues, factsAsked } from "./asked-facts.ts";
import { type SynthItem, makeEpisodes } from "./episodes.ts";
import { episodeSplitKeys } from "./question-templates.ts";
import { createSimulator } from "./simulator.ts";
import { verifyEpisode } from "./verify.ts";
import { type Voices, loadVoices } from "./voices.ts";

const signal = new AbortController().signal;
let voices: Voices;
let world: Place[];
let items: Extract<SynthItem, { to: "dataset" }>[];
let refused: string[];

beforeAll(async () => {
  voices = await loadVoices();
  world = await loadPlaces();
  const asking = (texts: readonly string[]): [string, ...string[]] => {
    const [first, ...rest] = texts.filter((text) => factsAsked(text).length > 0);
    return [first!, ...rest];
  };
  const { get_weather, get_current_weather, get_forecast } = voices.questions;
  // None but questions that ask for something by name.
  const asked: Voices = {
    ...voices,
    questions: {
      get_weather: { ...get_weather, train: asking(get_weather.train) },
      get_current_weather: { ...get_current_weather, train: asking(get_current_weather.train) },
      get_forecast: { ...get_forecast, train: asking(get_forecast.train) },
    },
    missing: { ...voices.missing, train: asking(voices.missing.train) },
  };
  const options = {
    count: 400,
    dialogues: 0,
    mix: { single: 0.6, "follow-up": 0.4 },
    splitKeys: episodeSplitKeys(asked, { valid: 0, test: 0 }, createRandom(1)),
    random: createRandom(8),
    signal,
  };
  items = [];
  refused = [];
  for await (const item of makeEpisodes({ voices: asked, places: world, world }, options))
    if (item.to === "dataset") items.push(item);
    else refused.push(item.reason);
});

const withAnswer = (row: Conversation, content: string): Conversation => ({
  ...row,
  messages: row.messages.with(-1, { role: "assistant", content }),
});

test("none is refused for its answer", () => {
  expect(refused.filter((reason) => reason !== "duplicate")).toEqual([]);
  expect(items.length).toBeGreaterThan(380);
});

/** A plain report of the sky and the temperatures alone. */
function silentReport(result: JsonObject): string {
  const city = textOf(result.location).split(",")[0]!;
  if (Array.isArray(result.days)) {
    const days = result.days.filter(isJsonObject);
    return `In ${city}: ${days.map((day) => `${textOf(day.weekday)} ${textOf(day.conditions)}, high ${Number(day.high)}, low ${Number(day.low)}`).join("; ")}.`;
  }
  return "high" in result
    ? `${city} gets ${textOf(result.conditions)}, a high of ${Number(result.high)} and a low of ${Number(result.low)}.`
    : `${city} has ${textOf(result.conditions)} and a temperature of ${Number(result.temperature)}.`;
}

test("an answer of the same report that leaves out what was asked is refused", async () => {
  const simulator = createSimulator(world);
  const swapped = new Set<string>();
  for (const { row, world: made } of items) {
    const last = row.messages.findLast(({ role }) => role === "user")!.content ?? "";
    const tool = row.messages.at(-2)!;
    const result: unknown = JSON.parse(tool.role === "tool" ? tool.content : "null");
    const [fact] = factsAsked(last);
    if (!fact || !isJsonObject(result) || "timezone" in result) continue;
    simulator.set(new Date(made.now));
    expect(await verifyEpisode(row, simulator.tools, signal)).toBeUndefined();
    const wrong = withAnswer(row, silentReport(result));
    expect(await verifyEpisode(wrong, simulator.tools, signal), last).toBe("not-answered");
    swapped.add(`${fact}, ${factValues(fact, result).length > 0 ? "given" : "lacking"}`);
  }
  expect([...swapped]).toEqual(
    expect.arrayContaining(["chance, given", "humidity, given", "wind, given", "wind, lacking"]),
  );
});

test("what was asked before the place was named is answered after it", () => {
  const waited = items.filter(({ row }) => {
    const [first, reply] = row.messages.filter(({ role }) => role !== "system");
    return (
      factsAsked(first!.content ?? "").length > 0 && reply!.role === "assistant" && reply!.content
    );
  });
  expect(waited.length).toBeGreaterThan(10);
  for (const { row } of waited)
    expect(row.messages.at(-1)!.content).toMatch(/wind|humid|chance|odds|gust|breeze|damp/i);
});
