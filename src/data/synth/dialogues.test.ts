/** Conversations of two exchanges: what the second takes over from the first, and what it must not. */
import { beforeAll, expect, test } from "vitest";
import type { AssistantMessage } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { isJsonObject } from "../../core/json.ts";
import { createRandom } from "../../core/random.ts";
import { type Place, loadPlaces } from "../../weather/place.ts";
import { makeCases } from "./cases.ts";
import { makeEpisodes } from "./episodes.ts";
import { episodeSplitKeys, phrasingsOf } from "./question-templates.ts";
import { createSimulator } from "./simulator.ts";
import { type PlaceSplit, splitPlaces } from "./split-places.ts";
import { verifyEpisode } from "./verify.ts";
import { type Voices, loadVoices } from "./voices.ts";

const signal = new AbortController().signal;
let voices: Voices;
let world: Place[];
let split: PlaceSplit;
let splitKeys: Map<string, string>;
let rows: Conversation[];

async function generate(count: number, dialogues: number): Promise<Conversation[]> {
  const made: Conversation[] = [];
  const options = { count, dialogues, splitKeys, random: createRandom(7), signal };
  for await (const item of makeEpisodes({ voices, places: split.train, world }, options))
    if (item.to === "dataset") made.push(item.row);
  return made;
}

beforeAll(async () => {
  voices = await loadVoices();
  world = await loadPlaces();
  split = splitPlaces(world, 0.25, createRandom(1));
  splitKeys = episodeSplitKeys(voices, { valid: 0.1, test: 0.1 }, createRandom(2));
  rows = await generate(800, 1);
});

const saidIn = (row: Conversation): string[] =>
  row.messages.flatMap((message) => (message.role === "user" ? [message.content] : []));
type Call = NonNullable<AssistantMessage["toolCalls"]>[number];
/** The calls of each exchange. */
const callsOf = (row: Conversation): Call[][] => {
  const exchanges: Call[][] = [];
  for (const message of row.messages) {
    if (message.role === "user") exchanges.push([]);
    if (message.role === "assistant" && message.toolCalls)
      exchanges.at(-1)!.push(...message.toolCalls);
  }
  return exchanges;
};
const locationOf = (call: Call | undefined): unknown =>
  isJsonObject(call?.arguments) ? call.arguments.location : undefined;
const kindOf = (row: Conversation): string => row.meta.template!.split(":")[0]!;

test("the share of rows with two exchanges is as asked, and every kind is there", async () => {
  expect(rows.every((row) => saidIn(row).length === 2)).toBe(true);
  const mixed = await generate(400, 0.3);
  const two = mixed.filter((row) => saidIn(row).length === 2).length / mixed.length;
  expect(two).toBeGreaterThan(0.22);
  expect(two).toBeLessThan(0.38);
  expect((await generate(50, 0)).every((row) => saidIn(row).length === 1)).toBe(true);
  const kinds = new Set(rows.map(kindOf));
  for (const kind of [
    "get_weather",
    "another-place",
    "another-day",
    "given-place",
    "missing",
    "banter",
  ])
    expect(kinds).toContain(kind);
});

test("call ids differ within a conversation", () => {
  for (const row of rows) {
    const ids = callsOf(row)
      .flat()
      .map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

test("a place that the second message names is the one that is looked up", () => {
  const named = rows.filter((row) =>
    /^(?:get_|another-place|given-place)/.test(row.meta.template!),
  );
  expect(named.length).toBeGreaterThan(400);
  for (const row of named) {
    const [, call] = callsOf(row);
    expect(saidIn(row)[1], row.id).toContain(locationOf(call?.[0]));
  }
});

test("one that it does not name is that of the call before, on the day that it names", () => {
  const dated = rows.filter((row) => /^(?:another-day|missing)/.test(row.meta.template!));
  expect(dated.length).toBeGreaterThan(40);
  for (const row of dated) {
    const [first, second] = callsOf(row);
    expect(locationOf(second![0])).toBe(locationOf(first![0]));
    const given = second![0]!.arguments;
    if (isJsonObject(given)) expect(saidIn(row)[1]).toContain(given.date);
  }
});

test("another place is asked about as the first was", () => {
  const followed = rows.filter((one) => kindOf(one) === "another-place");
  expect(followed.length).toBeGreaterThan(40);
  for (const row of followed) {
    const [first, second] = callsOf(row).map(([call]) => call!);
    expect(second!.name).toBe(first!.name);
    expect({ ...(second!.arguments as object), location: "" }).toEqual({
      ...(first!.arguments as object),
      location: "",
    });
  }
});

test("what is said first is of the training side, whatever side the row is on", () => {
  const train = phrasingsOf(voices, "train");
  const other = [...train.missing, ...train.banter].filter(
    ({ id }) => !splitKeys.get(id)!.startsWith("train:"),
  );
  expect(other.length).toBeGreaterThan(50);
  const heard = rows.map((row) => saidIn(row)[0]!.toLowerCase());
  for (const { text } of other.filter((one) => one.text.length > 25)) {
    const plain = text.toLowerCase().replace(/[.?]$/, "");
    expect(heard.filter((said) => said.includes(plain))).toEqual([]);
  }
  expect(rows.some((row) => row.meta.split_key.startsWith("valid:"))).toBe(true);
});

test("the verifier refuses a second call for an older place, or for one that nobody named", async () => {
  const simulator = createSimulator(world);
  const followed = rows.filter((row) => row.meta.template!.startsWith("another-day")).slice(0, 20);
  for (const row of followed) {
    /** With tools that answer as the row says they did, in its order. */
    const verdict = (wrong: Conversation): Promise<string | undefined> => {
      const stored = wrong.messages.flatMap((message) =>
        message.role === "tool" ? [JSON.parse(message.content)] : [],
      );
      const run = () => Promise.resolve(stored.shift());
      return verifyEpisode(
        wrong,
        simulator.tools.map((tool) => ({ ...tool, run })),
        signal,
      );
    };
    expect(await verdict(row)).toBeUndefined();
    const at = row.messages.findLastIndex(
      (message) => message.role === "assistant" && message.toolCalls,
    );
    const withLocation = (location: string): Conversation => ({
      ...row,
      messages: row.messages.map((message, i) =>
        i === at && message.role === "assistant"
          ? {
              ...message,
              toolCalls: message.toolCalls!.map((call) => ({
                ...call,
                arguments: { ...(call.arguments as object), location },
              })),
            }
          : message,
      ),
    });
    expect(await verdict(withLocation("Nowhere"))).toBe("ungrounded-argument");
    // The first place again, after another one was asked about in between.
    const first = row.messages.findIndex((message) => message.role === "user");
    const between = row.messages.slice(first, at - 1).map((message) => {
      if (message.role === "tool") return { ...message, toolCallId: `x${message.toolCallId}` };
      if (message.role === "user") return { ...message, content: "And Atlantis, today or Monday?" };
      if (message.role !== "assistant" || !message.toolCalls) return message;
      const toolCalls = message.toolCalls.map((call) => ({
        ...call,
        id: `x${call.id}`,
        arguments: { ...(call.arguments as object), location: "Atlantis" },
      }));
      return { ...message, toolCalls };
    });
    const long = {
      ...row,
      messages: [...row.messages.slice(0, at - 1), ...between, ...row.messages.slice(at - 1)],
    };
    expect(await verdict(long)).toBe("ungrounded-argument");
  }
});

test("cases ask second questions and follow-ups that training has not heard", async () => {
  const cases = [];
  const options = { voices, split, world, count: 40, random: createRandom(3), signal };
  for await (const item of makeCases(options)) cases.push(item);
  const heard = new Set(rows.map((row) => saidIn(row).at(-1)!.toLowerCase()));
  for (const slice of ["second-question", "follow-up"] as const) {
    const asked = cases.filter((item) => item.slice === slice);
    expect(asked).toHaveLength(40);
    const calls = asked.filter((item) => item.messages.some(({ role }) => role === "tool"));
    expect(calls.length).toBeGreaterThan(20);
    for (const item of asked) {
      const users = item.messages.filter(({ role }) => role === "user");
      expect(users).toHaveLength(2);
      expect(item.messages.at(-1)).toBe(users[1]);
      expect(item.expected).toHaveLength(1);
      expect(heard).not.toContain(users[1]!.content!.toLowerCase());
    }
  }
});
