import { beforeAll, describe, expect, test } from "vitest";
import type { AssistantMessage, ToolMessage } from "../../core/chat.ts";
import { ConversationRow, type Conversation, fromRow, toRow } from "../../core/conversation.ts";
import { isJsonObject } from "../../core/json.ts";
import { createRandom } from "../../core/random.ts";
import { type Place, loadPlaces, plainName } from "../../weather/place.ts";
import { type SynthItem, makeEpisodes } from "./episodes.ts";
import { episodeSplitKeys } from "./question-templates.ts";
import { createSimulator } from "./simulator.ts";
import { type PlaceSplit, splitPlaces } from "./split-places.ts";
import { verifyEpisode } from "./verify.ts";
import { type Voices, loadVoices } from "./voices.ts";

const signal = new AbortController().signal;
let voices: Voices;
let world: Place[];
let split: PlaceSplit;
let items: SynthItem[];
let rows: Conversation[];
let cpuSeconds: number;

async function generate(count: number, seed: number): Promise<SynthItem[]> {
  const made: SynthItem[] = [];
  const options = {
    count,
    // dialogues.test.ts looks at the others.
    dialogues: 0,
    splitKeys: episodeSplitKeys(voices, { valid: 0.03, test: 0.05 }, createRandom(2)),
    random: createRandom(seed),
    signal,
  };
  for await (const item of makeEpisodes({ voices, places: split.train, world }, options)) {
    made.push(item);
  }
  return made;
}

beforeAll(async () => {
  voices = await loadVoices();
  world = await loadPlaces();
  split = splitPlaces(world, 0.25, createRandom(1));
  const before = process.cpuUsage();
  items = await generate(2000, 5);
  cpuSeconds = process.cpuUsage(before).user / 1e6;
  rows = items.flatMap((item) => (item.to === "dataset" ? [item.row] : []));
});

const saidIn = (row: Conversation): string[] =>
  row.messages.flatMap((message) => (message.role === "user" ? [message.content] : []));
const userOf = (row: Conversation): string => saidIn(row).join("\n");
const callsOf = (row: Conversation): NonNullable<AssistantMessage["toolCalls"]> =>
  row.messages.flatMap((message) => (message.role === "assistant" && message.toolCalls) || []);
const resultsOf = (row: Conversation): ToolMessage[] =>
  row.messages.filter((message) => message.role === "tool");
const ofDomain = (domain: string): Conversation[] =>
  rows.filter((row) => row.tags.domain === domain);

test("2,000 episodes take less than 5 seconds of processor time", () => {
  expect(cpuSeconds).toBeLessThan(5);
});

test("the same seed gives the same rows, another seed others", async () => {
  const again = await generate(50, 5);
  expect(JSON.stringify(again)).toBe(JSON.stringify(items.slice(0, 50)));
  expect(JSON.stringify(await generate(50, 6))).not.toBe(JSON.stringify(again));
});

test("few are rejected, and rows are valid dataset rows", () => {
  const failed = items.filter((item) => item.to === "rejected" && item.reason !== "duplicate");
  expect(failed.length).toBeLessThan(20);
  expect(rows.length).toBeGreaterThan(1850);
  expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
  for (const row of rows.filter((_, i) => i % 8 === 0)) {
    expect(fromRow(ConversationRow.parse(JSON.parse(JSON.stringify(toRow(row)))))).toEqual(row);
  }
});

test("the mix is as designed", () => {
  const share = (part: number): number => part / rows.length;
  const called = ofDomain("tool").flatMap((row) => callsOf(row).map((call) => call.name));
  const of = (name: string): number => called.filter((one) => one === name).length / called.length;
  expect(share(ofDomain("tool").length)).toBeGreaterThan(0.7);
  expect(of("get_weather")).toBeCloseTo(0.55, 1);
  expect(of("get_current_weather")).toBeCloseTo(0.25, 1);
  expect(of("get_forecast")).toBeCloseTo(0.2, 1);
  for (const domain of ["tool-error", "missing-location", "no-tool"]) {
    expect(share(ofDomain(domain).length)).toBeGreaterThan(0.03);
  }
  const parallel = ofDomain("tool").filter((row) => callsOf(row).length === 2);
  expect(parallel.length / ofDomain("tool").length).toBeGreaterThan(0.02);
  const units =
    called.length > 0 &&
    ofDomain("tool")
      .flatMap(callsOf)
      .filter((call) => isJsonObject(call.arguments) && "units" in call.arguments).length /
      called.length;
  // More than people ask for, as with lower case and long names: the hard ones teach.
  expect(units).toBeCloseTo(0.16, 1);
  const places = ofDomain("tool")
    .flatMap(callsOf)
    .flatMap(({ arguments: given }) =>
      isJsonObject(given) && typeof given["location"] === "string" ? [given["location"]] : [],
    );
  const among = (test: (place: string) => boolean): number =>
    places.filter(test).length / places.length;
  expect(among((place) => place === place.toLowerCase())).toBeCloseTo(0.3, 1);
  expect(among((place) => place.split(",")[0]!.includes(" "))).toBeGreaterThan(0.25);
  expect(new Set(rows.map((row) => row.tags.persona))).toEqual(
    new Set(["twain", "franklin", "neutral"]),
  );
});

test("a call names a tool on offer; talk and missing places get no call though tools are there", () => {
  for (const row of rows) {
    const offered = row.tools?.map((tool) => tool.name) ?? [];
    for (const call of callsOf(row)) expect(offered).toContain(call.name);
  }
  const silent = [...ofDomain("no-tool"), ...ofDomain("missing-location")];
  expect(silent.flatMap(callsOf)).toEqual([]);
  expect(silent.filter((row) => row.tools).length / silent.length).toBeGreaterThan(0.7);
});

test("the voice is asked for by a tag alone", () => {
  for (const row of rows) {
    const tags = { twain: "[twain]", franklin: "[franklin]", neutral: undefined };
    const first = row.messages[0];
    expect(first?.role === "system" ? first.content : undefined).toBe(tags[row.tags.persona]);
  }
});

test("text reads clean", () => {
  for (const row of rows) {
    const answer = row.messages.at(-1)?.content ?? "";
    for (const text of [userOf(row), answer]) {
      expect(text).not.toMatch(
        /[{}]|undefined|NaN| {2}|\.\.|,,| [,.?!]|\bon (?:today|tonight|tomorrow)\b/,
      );
      expect(text).not.toMatch(/\ba (?:8|11|18|8\d)(?:%| percent)|(?<!\d)1 (?:days|degrees)\b/);
    }
    expect(answer).toMatch(/^["\p{Lu}\d-]/u);
  }
});

test("split keys put every phrasing on one side, and each side has tool rows", () => {
  const side = new Map<string, string>();
  for (const row of rows) {
    const template = row.meta.template!;
    expect(row.meta.split_key).toMatch(new RegExp(`^(?:train|valid|test):${template}$`));
    expect(side.get(template) ?? row.meta.split_key).toBe(row.meta.split_key);
    side.set(template, row.meta.split_key);
  }
  const keys = ofDomain("tool").map((row) => row.meta.split_key.split(":")[0]);
  const part = (name: string): number => keys.filter((key) => key === name).length / keys.length;
  expect(part("valid")).toBeGreaterThan(0.01);
  expect(part("valid")).toBeLessThan(0.08);
  expect(part("test")).toBeGreaterThan(0.02);
  expect(part("test")).toBeLessThan(0.11);
});

test("no held-out name occurs in any training row", () => {
  const names = [...new Set(split.heldout.map((place) => plainName(place.name)))];
  expect(names.length).toBeGreaterThan(200);
  const corpus = rows.map((row) => ` ${plainName(userOf(row))} `);
  const seen = names.filter((name) => corpus.some((text) => text.includes(` ${name} `)));
  // A word of ordinary talk may be a town somewhere ("reading", "mobile").
  const asked = ofDomain("tool")
    .flatMap(callsOf)
    .map((call) =>
      isJsonObject(call.arguments) ? ` ${plainName(JSON.stringify(call.arguments.location))} ` : "",
    );
  expect(names.filter((name) => asked.some((text) => text.includes(` ${name} `)))).toEqual([]);
  expect(seen.length).toBeLessThan(5);
});

describe("the verifier refuses every mutation of a good row", () => {
  /** The clock of a row is not in the row, so the tools replay from the stored results. */
  const replaying = (row: Conversation): ReturnType<typeof createSimulator>["tools"] => {
    const stored = resultsOf(row).map((message) => JSON.parse(message.content));
    const calls = callsOf(row).map((call) => JSON.stringify([call.name, call.arguments]));
    return createSimulator(world).tools.map((tool) => ({
      ...tool,
      run: (args: unknown) => {
        const at = calls.indexOf(JSON.stringify([tool.definition.name, args]));
        return Promise.resolve(stored[at] ?? { error: "bad_date", message: "never asked" });
      },
    }));
  };
  const verdict = (row: Conversation, wrong: Conversation): Promise<string | undefined> =>
    verifyEpisode(wrong, replaying(row), signal);
  const withAnswer = (row: Conversation, content: string): Conversation => ({
    ...row,
    messages: [...row.messages.slice(0, -1), { role: "assistant", content }],
  });
  const withArguments = (
    row: Conversation,
    patch: Record<string, string | number>,
  ): Conversation => ({
    ...row,
    messages: row.messages.map((message) =>
      message.role === "assistant" && message.toolCalls
        ? {
            ...message,
            toolCalls: message.toolCalls.map((call) => ({
              ...call,
              arguments: { ...(isJsonObject(call.arguments) ? call.arguments : {}), ...patch },
            })),
          }
        : message,
    ),
  });
  const some = (domain: string): Conversation[] => ofDomain(domain).slice(0, 60);

  test("the rows themselves pass", async () => {
    for (const row of some("tool")) expect(await verdict(row, row)).toBeUndefined();
  });

  test("a number that is not the result's", async () => {
    for (const row of some("tool")) {
      const answer = row.messages.at(-1)!.content!;
      const known = new Set(
        [...resultsOf(row).map((message) => message.content), userOf(row)].join(" ").match(/\d+/g),
      );
      for (const match of answer.matchAll(/\d+/g)) {
        let other = Number(match[0]) + 1;
        while (known.has(String(other))) other++;
        const wrong =
          answer.slice(0, match.index) + other + answer.slice(match.index + match[0].length);
        expect(await verdict(row, withAnswer(row, wrong)), wrong).toBeDefined();
      }
    }
  });

  test("another sky, another place, no place", async () => {
    for (const row of some("tool")) {
      const answer = row.messages.at(-1)!.content!;
      const result = resultsOf(row)[0]!.content;
      const sky = /"conditions":"([^"]+)"/.exec(result)![1]!;
      const city = /"location":"([^",]+)/.exec(result)![1]!;
      const other = sky.includes("snow") ? "heavy rain" : "heavy snow";
      const skies = answer.replace(new RegExp(sky, "i"), other);
      expect(skies).not.toBe(answer);
      expect(await verdict(row, withAnswer(row, skies)), skies).toBe("unfaithful");
      const places = answer.replaceAll(city, "Nowhere");
      expect(await verdict(row, withAnswer(row, places)), places).toBe("unfaithful");
    }
  });

  test("an argument that nobody said, or that no schema allows", async () => {
    for (const row of some("tool")) {
      const cases: [Record<string, string | number>, string][] = [
        [{ location: "Nowhere" }, "ungrounded-argument"],
        [{ location: 7 }, "schema"],
        [{ mood: "glum" }, "schema"],
      ];
      const first = callsOf(row)[0]!;
      if (first.name === "get_forecast") cases.push([{ days: 6 }, "ungrounded-argument"]);
      if (first.name === "get_weather") cases.push([{ date: "2031-01-01" }, "ungrounded-argument"]);
      if (!/celsius/i.test(userOf(row))) cases.push([{ units: "celsius" }, "ungrounded-argument"]);
      for (const [patch, reason] of cases) {
        expect(await verdict(row, withArguments(row, patch))).toBe(reason);
      }
    }
  });

  test("a result that the tool does not give, an id that answers nothing, a tool not offered", async () => {
    for (const row of some("tool")) {
      const edit = (change: (message: ToolMessage) => ToolMessage): Conversation => ({
        ...row,
        messages: row.messages.map((message) =>
          message.role === "tool" ? change(message) : message,
        ),
      });
      const forged = edit((message) => ({
        ...message,
        content: message.content.replace(/\d/, "x"),
      }));
      expect(await verdict(row, forged)).toBe("replay");
      const stray = edit((message) => ({ ...message, toolCallId: "call_9" }));
      expect(await verdict(row, stray)).toBe("format");
      expect(await verdict(row, { ...row, tools: [] })).toBe("schema");
      expect(await verdict(row, { ...row, messages: row.messages.slice(0, -1) })).toBe("format");
    }
  });

  test("weather after an error, a call where none is due", async () => {
    for (const row of some("tool-error")) {
      const wrong = withAnswer(row, `${row.messages.at(-1)!.content} Say 62 degrees.`);
      expect(await verdict(row, wrong)).toBe("unfaithful");
    }
    const [good] = ofDomain("tool");
    const tags = { ...good!.tags, domain: "missing-location" as const };
    expect(await verdict(good!, { ...good!, tags })).toBe("call-unexpected");
    const [silent] = ofDomain("missing-location");
    const asTool = { ...silent!, tags: { ...silent!.tags, domain: "tool" as const } };
    expect(await verdict(silent!, asTool)).toBe("call-expected");
    const [talk] = ofDomain("no-tool");
    expect(await verdict(talk!, withAnswer(talk!, "It is 62 degrees out."))).toBe("unfaithful");
  });
});
