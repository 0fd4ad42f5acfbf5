import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PreferenceRow, fromPreferenceRow } from "../core/preference.ts";
import { type ChatTemplate, createChatTemplate } from "../tokenizer/chat-template.ts";
import type { Example } from "../tokenizer/example.ts";
import { type Tokenizer, createTokenizer } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import {
  type EncodedPair,
  encodePreference,
  encodePreferences,
  withReferences,
} from "./preference-data.ts";

let tokenizer: Tokenizer;
let template: ChatTemplate;
beforeAll(async () => {
  const files = await trainVocabulary(["rain or sun"], { ...twainTokens, vocabSize: 300 });
  tokenizer = createTokenizer(files);
  template = createChatTemplate(files.config, tokenizer);
});
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-preference-"));
});
afterEach(() => rm(folder, { recursive: true }));
const { signal } = new AbortController();

const said = (role: "user" | "assistant", content: string) => ({ role, content });
const row = (id: string, chosen: string, rejected: string, key = id): PreferenceRow => ({
  id,
  prompt: [said("user", "Rain?"), said("assistant", "Sun."), said("user", "Sure?")],
  chosen: [said("assistant", chosen)],
  rejected: [said("assistant", rejected)],
  tags: { persona: "neutral", domain: "humour", source: "test", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: key },
});
const write = async (rows: readonly unknown[]): Promise<string> => {
  const path = join(folder, "preference.jsonl");
  await writeFile(path, rows.map((each) => `${JSON.stringify(each)}\n`).join(""));
  return path;
};
const read = (path: string, most = 200): ReturnType<typeof encodePreferences> =>
  encodePreferences(path, tokenizer, template, most, signal);

test("both sides share the prompt, and only their own answers are trained, up to the stop token", () => {
  const { chosen, rejected } = encodePreference(
    fromPreferenceRow(row("a", "Quite.", "No idea at all.")),
    tokenizer,
    template,
  );
  const trainedText = ({ ids, trained }: Example): string =>
    tokenizer.decode([...ids].filter((_, i) => trained[i]));
  expect(trainedText(chosen)).toBe("Quite.<|end|>");
  expect(trainedText(rejected)).toBe("No idea at all.<|end|>");
  const prompt = chosen.trained.indexOf(1);
  expect(chosen.ids.slice(0, prompt)).toEqual(rejected.ids.slice(0, prompt));
  expect(tokenizer.decode(Array.from(chosen.ids.subarray(0, prompt)))).toContain("Sun.");
});

test("tools, calls and their results are in the ids of both sides, and only the last answer is trained", () => {
  const call = {
    id: "call_1",
    type: "function" as const,
    function: { name: "get_weather", arguments: '{"location":"Rome"}' },
  };
  const parameters = { type: "object", properties: { location: {} }, required: ["location"] };
  const withTools = PreferenceRow.parse({
    ...row("a", "It is 62.", "It is 99."),
    tools: [{ type: "function", function: { name: "get_weather", parameters } }],
    prompt: [
      said("user", "Warm?"),
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", content: '{"high":62}', tool_call_id: "call_1" },
    ],
  });
  const pair = encodePreference(fromPreferenceRow(withTools), tokenizer, template);
  for (const { ids, trained } of [pair.chosen, pair.rejected]) {
    const text = tokenizer.decode(ids);
    for (const part of [
      "<|tools|>get_weather(location)",
      '<tool_call>{"name":"get_weather","arguments":{"location":"Rome"}}</tool_call>',
      '<|tool|>{"high":62}',
    ])
      expect(text).toContain(part);
    expect(tokenizer.decode([...ids].filter((_, i) => trained[i]))).toMatch(
      /^It is \d\d\.<\|end\|>$/,
    );
  }
});

describe("a preference file", () => {
  test("gives pairs; rows that teach nothing or do not fit are counted", async () => {
    const long = "x".repeat(400);
    const path = await write([
      row("a", "Yes.", "No."),
      row("b", "Same.", "Same."),
      row("c", "Yes.", long),
      row("d", "No.", "Yes."),
    ]);
    const { pairs, rows, dropped } = await read(path);
    expect([pairs.map(({ id }) => id), rows]).toEqual([["a", "d"], 4]);
    expect(dropped).toEqual({ "equal-sides": 1, "too-long": 1 });
  });

  test.each([
    ["missing", undefined, /is not there/],
    ["empty", [], /has 0 of 0 rows/],
    ["of rows that teach nothing", [row("b", "Same.", "Same.")], /has 0 of 1 rows.*equal-sides/],
  ])("%s is an error with a code", async (_, rows, message) => {
    const path = rows ? await write(rows) : join(folder, "nowhere.jsonl");
    await expect(read(path)).rejects.toMatchObject({
      code: "train/no-preference",
      message: expect.stringMatching(message) as unknown,
    });
  });

  test("with a row of another shape names the line", async () => {
    const { meta: _, ...without } = row("b", "a", "b");
    const path = await write([row("a", "Yes.", "No."), without]);
    await expect(read(path)).rejects.toThrow(/preference\.jsonl:2: meta/);
  });
});

const example = (id: string, ...ids: number[]): Example => ({
  id,
  ids: Int32Array.from(ids),
  trained: Uint8Array.from(ids, (_, i) => (i > 0 ? 1 : 0)),
});
const pairs = Array.from({ length: 70 }, (_, i): EncodedPair => ({
  id: `p${i}`,
  chosen: example(`p${i} chosen`, 1, i),
  rejected: example(`p${i} rejected`, 2, i, 3),
  splitKey: `k${i % 10}`,
}));

describe("references", () => {
  let scored = 0;
  /** Log-probabilities that say which example they are of. */
  const trainer = {
    score: (examples: readonly Example[]) => {
      scored += examples.length;
      return Promise.resolve(
        examples.map(({ ids }) => ({ sum: -ids[1]! - ids[0]! / 1000, tokens: 1 })),
      );
    },
  };
  beforeEach(() => (scored = 0));
  const run = async (model = { base: "b", adapter: "a" }, of = pairs) => {
    const path = join(folder, "reference.jsonl");
    const steps = withReferences(trainer, of, model, path, signal);
    for (;;) {
      const next = await steps.next();
      if (next.done) return { found: next.value, lines: await readFile(path, "utf8"), path };
    }
  };

  test("are computed once; the file is keyed by row, base and adapter", async () => {
    const first = await run();
    expect(scored).toBe(140);
    expect(first.found.map(({ reference }) => reference)).toEqual(
      pairs.map((_, i) => ({ chosen: -i - 0.001, rejected: -i - 0.002 })),
    );
    const again = await run();
    expect(scored).toBe(140);
    expect(again).toEqual(first);
    await run({ base: "b", adapter: "other" });
    expect(scored).toBe(280);
    await run({ base: "other", adapter: "other" });
    expect(scored).toBe(420);
  });

  test("of a file that was cut short are completed, with the same bytes", async () => {
    const whole = await run();
    await writeFile(whole.path, whole.lines.slice(0, 9000));
    await appendFile(whole.path, '\n{"row":"p1","key":5}\n');
    expect(await run()).toEqual(whole);
  });

  test("follow a row whose text changed", async () => {
    await run();
    const changed = [{ ...pairs[0]!, chosen: example("p0 chosen", 1, 99) }, ...pairs.slice(1)];
    const { found, lines } = await run(undefined, changed);
    expect(found[0]!.reference.chosen).toBeCloseTo(-99.001, 6);
    expect(lines.trim().split("\n").length).toBeLessThanOrEqual(70);
  });
});
