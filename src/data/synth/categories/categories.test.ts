import { beforeAll, expect, test } from "vitest";
import { type Conversation, EpisodeCategory } from "../../../core/conversation.ts";
import { isJsonObject } from "../../../core/json.ts";
import { createRandom } from "../../../core/random.ts";
import { type Place, loadPlaces } from "../../../weather/place.ts";
import { textOf } from "../answer.ts";
import { isDistractor } from "../distractors.ts";
import { type SynthItem, makeEpisodes } from "../episodes.ts";
import { episodeSplitKeys } from "../question-templates.ts";
import { originalTools, renameTools } from "../rename-tools.ts";
import { createSimulator } from "../simulator.ts";
import { splitPlaces } from "../split-places.ts";
import { verifyEpisode } from "../verify.ts";
import { type Voices, loadVoices } from "../voices.ts";

const signal = new AbortController().signal;
let voices: Voices;
let world: Place[];
type Made = Extract<SynthItem, { to: "dataset" }>;
let made: Made[];
let rejected: number;

const equal = Object.fromEntries(EpisodeCategory.options.map((name) => [name, 1]));

async function generate(
  count: number,
  mix: Record<string, number>,
  renamed: number,
): Promise<SynthItem[]> {
  const items: SynthItem[] = [];
  const options = {
    count,
    dialogues: 0,
    mix,
    renamed,
    splitKeys: episodeSplitKeys(voices, { valid: 0.03, test: 0.05 }, createRandom(2)),
    random: createRandom(9),
    signal,
  };
  const { train } = splitPlaces(world, 0.25, createRandom(1));
  for await (const item of makeEpisodes({ voices, places: train, world }, options))
    items.push(item);
  return items;
}

beforeAll(async () => {
  voices = await loadVoices();
  world = await loadPlaces();
  const items = await generate(600, equal, 0);
  made = items.flatMap((item) => (item.to === "dataset" ? [item] : []));
  rejected = items.length - made.length;
});

const of = (name: EpisodeCategory): Conversation[] =>
  made.flatMap(({ row }) => (row.meta.category === name ? [row] : []));
const callsOf = (row: Conversation) =>
  row.messages.flatMap((message) => (message.role === "assistant" && message.toolCalls) || []);
const offered = (row: Conversation): string[] => row.tools?.map(({ name }) => name) ?? [];

/** The verdict on a row as it is now, in the world that it was made in. */
function verdict({ world: own }: Made, row: Conversation): Promise<string | undefined> {
  const simulator = createSimulator(world);
  simulator.set(new Date(own.now), own.failure);
  return verifyEpisode(row, simulator.tools, signal);
}

test("every category is made, in its share, and few rows are refused", async () => {
  expect(rejected / 600).toBeLessThan(0.08);
  for (const name of EpisodeCategory.options) expect(of(name).length, name).toBeGreaterThan(25);
  const few = await generate(200, { parallel: 3, "no-tool": 1 }, 0);
  const rows = few.flatMap((item) => (item.to === "dataset" ? [item.row] : []));
  expect(new Set(rows.map(({ meta }) => meta.category))).toEqual(new Set(["parallel", "no-tool"]));
  const parallel = rows.filter(({ meta }) => meta.category === "parallel").length;
  expect(parallel / rows.length).toBeGreaterThan(0.65);
  expect(parallel / rows.length).toBeLessThan(0.85);
});

test("each category is what it says", () => {
  for (const row of of("distractor")) {
    expect(offered(row).some(isDistractor)).toBe(true);
    for (const { name } of callsOf(row)) expect(isDistractor(name)).toBe(false);
  }
  for (const row of of("parallel")) {
    const places = callsOf(row).map((call) => JSON.stringify(call.arguments));
    expect(new Set(places).size).toBeGreaterThanOrEqual(2);
    expect(row.messages.filter(({ role }) => role === "assistant")).toHaveLength(2);
  }
  for (const row of of("dependent")) {
    expect(callsOf(row).map(({ name }) => name)).toEqual(["find_place", "get_forecast_at"]);
    expect(offered(row)).not.toContain("get_forecast");
  }
  for (const row of of("dated")) {
    const [call] = callsOf(row);
    const date = isJsonObject(call!.arguments) ? textOf(call!.arguments.date) : "";
    expect(date).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(row.messages.find(({ role }) => role === "user")!.content).not.toContain(date);
    expect(row.messages[0]!.content).toContain("Today is");
    // A person says the day as it was asked for.
    expect(row.messages.at(-1)!.content).not.toMatch(/\d{4}-\d{2}-\d{2}/);
  }
  for (const row of [...of("irrelevant"), ...of("missing-location"), ...of("no-tool")])
    expect(callsOf(row)).toEqual([]);
  for (const row of of("irrelevant"))
    expect(new Set(offered(row).map(isDistractor)).size, row.id).toBe(1);
  const failures = new Set(
    made.flatMap(({ row, world: own }) =>
      row.meta.category === "failure" ? [own.failure ?? "unknown place"] : [],
    ),
  );
  expect(failures).toEqual(new Set(["unavailable", "timeout", "empty", "unknown place"]));
  for (const row of of("failure")) expect(row.messages.at(-1)!.content).not.toMatch(/\d\s*degrees/);
});

test("no written sentence is said much more than another, and none is lost to another category", async () => {
  const items = await generate(900, { irrelevant: 2, hybrid: 1 }, 0);
  const kept = items.flatMap((item) => (item.to === "dataset" ? [item.row] : []));
  const reasons = items.flatMap((item) => (item.to === "rejected" ? [item.reason] : []));
  expect(reasons.filter((reason) => reason !== "duplicate")).toEqual([]);
  const times = (texts: readonly string[]): number[] =>
    [...new Set(texts)].map((text) => texts.filter((other) => other === text).length);
  const declines = kept.filter(({ meta }) => meta.category === "irrelevant");
  expect(declines.length / kept.length).toBeGreaterThan(0.6);
  expect(
    Math.max(...times(declines.map((row) => row.messages.at(-1)!.content ?? ""))),
  ).toBeLessThan(24);
  const hybrids = kept.filter(({ meta }) => meta.category === "hybrid");
  const templates = times(hybrids.map(({ meta }) => meta.template ?? ""));
  expect(templates.length).toBeGreaterThan(40);
  expect(Math.max(...templates) - Math.min(...templates)).toBeLessThanOrEqual(1);
});

test("a wrong argument, coordinate, date, verdict or tool of a category is caught", async () => {
  const change = (
    row: Conversation,
    from: RegExp,
    to: string | ((text: string) => string),
  ): Conversation => ({
    ...row,
    messages: JSON.parse(
      JSON.stringify(row.messages).replace(from, (text, ...groups) =>
        typeof to === "string" ? to.replace("$1", String(groups[0])) : to(text),
      ),
    ) as Conversation["messages"],
  });
  const tenOf = (name: EpisodeCategory): Made[] =>
    made.filter(({ row }) => row.meta.category === name).slice(0, 10);
  for (const one of tenOf("dependent")) {
    expect(await verdict(one, one.row)).toBeUndefined();
    // In the call, not in the result.
    const moved = change(
      one.row,
      /"arguments":\{"latitude":-?(\d+)/,
      '"arguments":{"latitude":1$1',
    );
    expect(["ungrounded-argument", "schema"]).toContain(await verdict(one, moved));
  }
  for (const one of tenOf("dated")) {
    const later = change(one.row, /("arguments":\{[^}]*"date":")\d{4}/, "$12031");
    expect(await verdict(one, later)).toBe("ungrounded-argument");
    const today = change(one.row, /\(\d{4}-\d{2}-\d{2}\)/, "(2031-01-01)");
    expect(await verdict(one, today)).toBe("voice");
  }
  for (const one of tenOf("comparison").filter(({ row }) =>
    / comes out /.test(String(row.messages.at(-1)!.content)),
  )) {
    const turned = change(one.row, / comes out (the )?(warm|cold)/, (text: string) =>
      text.includes("warm") ? text.replace("warm", "cold") : text.replace("cold", "warm"),
    );
    const answer = String(one.row.messages.at(-1)!.content);
    if (!/^(?:Neither|None)/.test(answer)) expect(await verdict(one, turned)).toBe("unfaithful");
  }
  for (const one of tenOf("irrelevant")) {
    const helped = {
      ...one.row,
      tools: [
        ...(of("single")[0]!.tools ?? []),
        ...of("distractor")[0]!.tools!.filter(({ name }) => isDistractor(name)),
      ],
    };
    expect(await verdict(one, helped)).toBe("wrong-category");
  }
  for (const one of tenOf("parallel")) {
    const at = one.row.messages.findIndex((message) => message.role === "tool");
    const without = { ...one.row, messages: one.row.messages.toSpliced(at, 1) };
    expect(await verdict(one, without)).toBe("format");
  }
});

test("other names change nothing but names: the way back gives the row, and it still holds", async () => {
  const random = createRandom(4);
  const known = createSimulator(world).tools.map(({ definition }) => definition);
  let changed = 0;
  for (const one of made.slice(0, 200)) {
    const other = renameTools(one.row, random);
    expect(originalTools(other, known)).toEqual(one.row);
    if (callsOf(other).length === 0) continue;
    changed++;
    expect(callsOf(other)[0]!.name).not.toBe(callsOf(one.row)[0]!.name);
    expect(await verdict(one, other)).toBeUndefined();
    // A name that is on no list, and a name of another tool.
    const foreign = {
      ...other,
      tools: other.tools!.map((tool) => ({ ...tool, name: `${tool.name}x` })),
    };
    expect(await verdict(one, foreign)).toBe("schema");
  }
  expect(changed).toBeGreaterThan(80);
});
