import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type TextModelSpec, writeTextModel } from "../../../test/fakes/onnx-text-model.ts";
import type { Document } from "../../core/document.ts";
import type { Judgement } from "../pipeline.ts";
import { makeDocument } from "./test-gone.ts";
import { type ToxicityConfig, openToxicityClassifier, toxicityStep } from "./toxicity.ts";

/** Two numbers a word: how rude it is, and how threatening. */
const words = {
  rain: [0, 0],
  the: [0, 0],
  river: [0, 0],
  fool: [4, 0],
  flood: [0, 4],
};
const multi: TextModelSpec = {
  words,
  output: "logits",
  length: 12,
  weights: [
    [4, 0, 0],
    [0, 4, 0],
  ],
  bias: [-4, -4, 9],
  labels: ["insult", "threat", "weather"],
  problem: "multi_label_classification",
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-toxicity-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const configOf = (more: Partial<ToxicityConfig> = {}): ToxicityConfig => ({
  model: folder,
  batch: 16,
  threshold: 0.9,
  action: "drop",
  ...more,
});
const make = (text: string, id: string, kind: Document["kind"] = "headline"): Document =>
  makeDocument(id, text, { kind });
async function judge(documents: readonly Document[], config = configOf()): Promise<Judgement[]> {
  async function* stream(): AsyncGenerator<Document> {
    yield* documents;
  }
  const judged: Judgement[] = [];
  const step = toxicityStep(config, new AbortController().signal);
  for await (const judgement of step.run(stream())) judged.push(judgement);
  expect(judged.map(({ document }) => document.id)).toEqual(documents.map(({ id }) => id));
  return judged;
}
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

test("several labels: the worst judged one decides, and its score is there for what stays and what goes", async () => {
  await writeTextModel(folder, multi);
  const [rude, mild, flood] = await judge([
    make("fool fool the fool fool fool", "rude"),
    make("the river fool", "mild"),
    make("flood flood flood flood flood flood", "flood"),
  ]);
  // Five of eight tokens, special ones included, with 4; the third label says what it is about and is not judged.
  expect(rude).toMatchObject({ type: "drop", reason: "insult" });
  expect(rude!.numbers!.insult).toBeCloseTo(sigmoid((4 * 4 * 5) / 8 - 4), 3);
  expect(mild).toMatchObject({ type: "keep" });
  expect(mild!.numbers).toEqual({ insult: Math.round(1000 * sigmoid((4 * 4) / 5 - 4)) / 1000 });
  expect(flood).toMatchObject({ type: "drop", reason: "threat" });
});

test("one label of several: probabilities sum to 1, and the judged label must be named where its name says nothing", async () => {
  const single: TextModelSpec = {
    ...multi,
    weights: [
      [0, 4],
      [0, 0],
    ],
    bias: [1, -3],
    labels: ["LABEL_0", "LABEL_1"],
    problem: "single_label_classification",
  };
  await writeTextModel(folder, single);
  await expect(judge([make("rain", "a")])).rejects.toMatchObject({
    code: "curate/unknown-label",
    hint: expect.stringContaining("LABEL_0, LABEL_1") as string,
  });
  const labels = (...names: string[]): ToxicityConfig => configOf({ labels: names as [string] });
  await expect(judge([make("rain", "a")], labels("rude"))).rejects.toMatchObject({
    code: "curate/unknown-label",
    message: expect.stringContaining("rude") as string,
  });
  const text = make("fool the river", "a");
  const [first] = await judge([text], labels("LABEL_0"));
  const [second] = await judge([text], labels("LABEL_1"));
  const odds = Math.exp((4 * 4) / 5 - 3 - 1);
  expect(second!.numbers!.LABEL_1).toBeCloseTo(odds / (1 + odds), 3);
  expect(first!.numbers!.LABEL_0! + second!.numbers!.LABEL_1!).toBeCloseTo(1, 2);
  // As transformers has it where config.json is silent: one label of several, or one alone that may be so or not.
  const { problem: _, ...silent } = single;
  await writeTextModel(folder, silent);
  expect(await judge([text], labels("LABEL_1"))).toEqual([second]);
  await writeTextModel(folder, { ...silent, weights: [[4], [0]], bias: [-4], labels: ["toxic"] });
  const [alone] = await judge([text]);
  expect(alone!.numbers!.toxic).toBeCloseTo(sigmoid((4 * 4) / 5 - 4), 3);
});

test("the end of a long text counts as its beginning does: every window is judged, the worst one decides", async () => {
  await writeTextModel(folder, multi);
  await fc.assert(
    fc.asyncProperty(fc.nat(60), fc.nat(60), async (before, after) => {
      const text = [
        ...Array<string>(before).fill("rain"),
        ...Array<string>(9).fill("fool"),
        ...Array<string>(after).fill("river"),
      ].join(" ");
      const [judged] = await judge([make(text, "a")]);
      // A window has ten words; wherever the rude ones begin, some window has five of them or more.
      expect(judged!.numbers!.insult).toBeGreaterThan(sigmoid((16 * 5) / 12 - 4) - 0.001);
      expect(judged!.numbers!.windows ?? 1).toBe(
        before + 9 + after <= 10 ? 1 : Math.ceil((before + after - 1) / 7) + 1,
      );
    }),
    { numRuns: 25 },
  );
});

test("a text's score is the same whatever it is judged with", async () => {
  await writeTextModel(folder, multi);
  const texts = [
    "fool",
    "the river",
    "fool flood rain",
    "rain ".repeat(40),
    "flood the fool ".repeat(9),
  ];
  const documents = texts.map((text, i) => make(text, `d${i}`));
  const together = await judge(documents);
  for (const [i, document] of documents.entries())
    expect(await judge([document], configOf({ batch: 1 }))).toEqual([together[i]]);
  const reversed = await judge(documents.toReversed(), configOf({ batch: 2 }));
  expect(reversed.toReversed()).toEqual(together);
});

describe("what the recipe asks", () => {
  const rude = make("fool fool fool fool fool fool", "rude");

  test("label: everything stays, with its score", async () => {
    await writeTextModel(folder, multi);
    const [judged] = await judge([rude], configOf({ action: "label" }));
    expect(judged).toMatchObject({
      type: "keep",
      document: { text: rude.text, extra: { toxicity: judged!.numbers!.insult } },
    });
    expect(judged!.numbers!.insult).toBeGreaterThan(0.9);
  });

  test("kinds: others are not read", async () => {
    await writeTextModel(folder, multi);
    const documents = [rude, { ...rude, id: "joke", kind: "joke" as const }];
    const [headline, joke] = await judge(documents, configOf({ kinds: ["joke"] }));
    expect(headline).toEqual({ type: "keep", document: rude });
    expect(joke).toMatchObject({ type: "drop" });
  });

  test("threshold: a score that is equal goes", async () => {
    await writeTextModel(folder, {
      ...multi,
      weights: [
        [0, 0, 0],
        [0, 0, 0],
      ],
      bias: [0, -9, 0],
    });
    expect(await judge([rude], configOf({ threshold: 0.5 }))).toMatchObject([{ type: "drop" }]);
    expect(await judge([rude], configOf({ threshold: 0.51 }))).toMatchObject([{ type: "keep" }]);
  });
});

test("a model that is no classifier, or has other labels than outputs, is refused before a text is read", async () => {
  const refusal = async (spec: TextModelSpec, says: string): Promise<void> => {
    await writeTextModel(folder, spec);
    await expect(openToxicityClassifier(configOf())).rejects.toMatchObject({
      code: "curate/model-unfit",
      message: expect.stringContaining(says) as string,
    });
  };
  await refusal({ words, output: "tokens", labels: ["toxic"] }, "no output logits");
  const { labels: _, ...unnamed } = multi;
  await refusal(unnamed, "no id2label");
  await refusal({ ...multi, labels: ["toxic", "insult"] }, "3 numbers for a text");
  await refusal({ ...multi, problem: "regression" }, "problem_type is regression");
});
