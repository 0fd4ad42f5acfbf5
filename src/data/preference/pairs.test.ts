/** What holds for every pair that is made, checked without the checks that made it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Message } from "../../core/chat.ts";
import { type JsonObject, type JsonValue, isJsonObject } from "../../core/json.ts";
import { createRandom } from "../../core/random.ts";
import type { Preference } from "../../core/preference.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { type Place, loadPlaces } from "../../weather/place.ts";
import { numberWord } from "../synth/fill.ts";
import { createPhraseBook } from "../synth/phrase-book.ts";
import { episodeSplitKeys } from "../synth/question-templates.ts";
import { createSimulator, someMoment } from "../synth/simulator.ts";
import { startTalk } from "../synth/exchanges.ts";
import { onTrainSide, phrasingsOf } from "../synth/question-templates.ts";
import { type Voices, loadVoices } from "../synth/voices.ts";
import { drawGrounded, drawVoice } from "./answer-pairs.ts";
import { drawDecision } from "./decision-pairs.ts";
import { loadDeclines } from "./declines.ts";
import { distort } from "./distort.ts";
import { kindOf, makePairs } from "./make-pairs.ts";
import { DECISIONS } from "./pair.ts";
import { promptKey } from "./prompts.ts";
import { createRepertoire, verifyPair } from "./verify-pair.ts";

let voices: Voices;
let world: Place[];
let rows: Preference[];
const { signal } = new AbortController();
const counts = { decisions: 300, voice: 60, grounded: 60 };

async function make(seed: number): Promise<Preference[]> {
  const found: Preference[] = [];
  const splitKeys = episodeSplitKeys(voices, { valid: 0.1, test: 0.1 }, createRandom(1));
  const options = { counts, splitKeys, random: createRandom(seed), signal };
  for await (const item of makePairs({ voices, places: world, world }, options))
    if (item.to === "preference") found.push(item.row);
  return found;
}
beforeAll(async () => {
  voices = await loadVoices();
  world = await loadPlaces();
  rows = await make(1);
});

const kinds = (...names: string[]): Preference[] =>
  rows.filter((row) => names.includes(kindOf(row)));
const said = ({ prompt }: Preference): string =>
  prompt.flatMap((message) => (message.role === "user" ? message.content : [])).join("\n");
const plain = (value: JsonValue | undefined): string =>
  typeof value === "string" ? value : JSON.stringify(value);
const callsOf = (messages: readonly Message[]) =>
  messages.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));
const resultsOf = ({ prompt }: Preference): JsonObject[] =>
  prompt.flatMap((message) =>
    message.role === "tool" ? [JSON.parse(message.content) as JsonObject] : [],
  );

test("as many of each source as were asked for, each decision against each other one, no prompt twice", async () => {
  for (const [source, count] of Object.entries(counts))
    expect(rows.filter(({ id }) => id.startsWith(`preference-${source}-`))).toHaveLength(count);
  for (const right of DECISIONS)
    for (const wrong of DECISIONS)
      if (right !== wrong) expect(kinds(`${right}-not-${wrong}`).length).toBeGreaterThan(0);
  expect(new Set(rows.map(({ prompt }) => promptKey(prompt))).size).toBe(rows.length);
  for (const { meta } of rows) expect(meta.split_key).toMatch(/^train:/);
  expect(await make(1)).toEqual(rows);
  expect(await make(2)).not.toEqual(rows);
});

test("no gold call has an argument that the user did not give (When2Call's own training data had)", () => {
  const gold = rows.filter(({ chosen }) => callsOf(chosen).length > 0);
  expect(gold.length).toBeGreaterThan(80);
  for (const row of gold) {
    for (const { name, arguments: given } of callsOf(row.chosen)) {
      expect(row.tools!.map((tool) => tool.name)).toContain(name);
      expect(isJsonObject(given)).toBe(true);
      for (const [key, value] of Object.entries(given as JsonObject)) {
        const words = typeof value === "number" ? [String(value), numberWord(value)] : [value];
        const text = key === "units" ? said(row).toLowerCase() : said(row);
        expect(
          words.some((word) => text.includes(plain(word))),
          `${key}=${plain(value)} in: ${text}`,
        ).toBe(true);
      }
    }
  }
});

test("a call that is rejected where a place is missing names one that nobody named", () => {
  const hasty = kinds("ask-not-call", "answer-not-call");
  expect(hasty.length).toBeGreaterThan(20);
  for (const row of hasty)
    for (const { arguments: given } of callsOf(row.rejected))
      expect(said(row).toLowerCase()).not.toContain(
        plain((given as JsonObject).location).toLowerCase(),
      );
});

test("a decline is right where the tool for it is not on offer, or none could do it", () => {
  for (const row of kinds("decline-not-call", "decline-not-ask", "decline-not-answer")) {
    const strange = row.meta.template!.startsWith("decline:");
    if (!strange) expect(row.tools!.map(({ name }) => name)).toEqual(["get_current_weather"]);
    expect(callsOf(row.chosen)).toEqual([]);
    expect(row.chosen.at(-1)!.content).not.toMatch(/\d/);
  }
  // The one tool alone must not be what tells.
  expect(
    kinds("call-not-ask", "call-not-decline", "call-not-answer").some(
      ({ tools }) => tools!.length === 1 && tools![0]!.name === "get_current_weather",
    ),
  ).toBe(true);
});

test("the grounded answer is grounded, the other is not, and they differ in what was changed alone", () => {
  for (const row of kinds("grounded-not-invented")) {
    const [chosen, rejected] = [row.chosen, row.rejected].map(
      ([message]) => checkGrounded(message!.content ?? "", resultsOf(row), said(row)).grounded,
    );
    expect([chosen, rejected], JSON.stringify(row)).toEqual([true, false]);
  }
  // Most of the words are the same ones.
  const words = (text: string): Set<string> => new Set(text.match(/[a-z]+/gi));
  const shared = kinds("grounded-not-invented").map((row) => {
    const [a, b] = [row.chosen, row.rejected].map(([message]) => words(message!.content ?? ""));
    return [...a!].filter((word) => b!.has(word)).length / a!.size;
  });
  expect(shared.reduce((x, y) => x + y, 0) / shared.length).toBeGreaterThan(0.8);
});

test("bland and voiced say the same of the weather; only one is the voice that was asked for", () => {
  for (const row of kinds("voiced-not-bland", "plain-not-voiced")) {
    const tagged = row.prompt[0]!.role === "system";
    expect(tagged).toBe(kindOf(row) === "voiced-not-bland");
    const results = resultsOf(row);
    if (results.length > 0)
      for (const [message] of [row.chosen, row.rejected])
        expect(checkGrounded(message!.content ?? "", results, said(row)).unsupported).toEqual([]);
  }
});

describe("the check", () => {
  test("refuses every pair that is turned round, and one with equal sides", async () => {
    const declines = await loadDeclines();
    const repertoire = createRepertoire(voices, declines);
    const simulator = createSimulator(world);
    const random = createRandom(7);
    const splitKeys = episodeSplitKeys(voices, { valid: 0.1, test: 0.1 }, createRandom(1));
    const phrasings = onTrainSide(phrasingsOf(voices, "train"), splitKeys);
    const sources = {
      voices,
      phrasings,
      places: world,
      taught: true,
      said: createPhraseBook()(),
      simulator,
      random,
      signal,
      declines,
    };
    let passed = 0;
    for (let i = 0; i < 120; i++) {
      const talk = startTalk(random.pick(["twain", "franklin", "neutral"]), someMoment(random));
      simulator.set(talk.now);
      const pair = await [drawDecision, drawVoice, drawGrounded][i % 3]!(sources, talk);
      if (!pair || (await verifyPair(pair, repertoire, simulator.tools, signal))) continue;
      passed++;
      const { chosen, rejected } = pair;
      const verify = (changed: object): ReturnType<typeof verifyPair> =>
        verifyPair({ ...pair, ...changed }, repertoire, simulator.tools, signal);
      expect(await verify({ chosen: rejected, rejected: chosen })).toBeTruthy();
      expect(await verify({ rejected: chosen })).toBe("equal-sides");
      const [call] = chosen.toolCalls ?? [];
      if (!call) continue;
      const elsewhere = { ...(call.arguments as JsonObject), location: "Ulaanbaatar" };
      expect(
        await verify({ chosen: { ...chosen, toolCalls: [{ ...call, arguments: elsewhere }] } }),
      ).toBe("ungrounded-argument");
    }
    expect(passed).toBeGreaterThan(80);
  });
});

test("a distorted result has other numbers everywhere, and the same place, dates and units", () => {
  const numbers = (value: unknown): number[] =>
    typeof value === "number"
      ? [value]
      : typeof value === "object" && value !== null
        ? Object.values(value).flatMap(numbers)
        : [];
  const random = createRandom(3);
  for (const row of kinds("grounded-not-invented")) {
    const [result] = resultsOf(row);
    const other = distort(result!, random);
    const [before, after] = [numbers(result), numbers(other)];
    expect(after).toHaveLength(before.length);
    for (const [i, value] of before.entries()) expect(after[i]).not.toBe(value);
    expect([other.location, other.date, other.units]).toEqual([
      result!.location,
      result!.date,
      result!.units,
    ]);
  }
});
