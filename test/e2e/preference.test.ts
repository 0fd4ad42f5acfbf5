/** From a recipe that asks for pairs to an adapter that prefers the better side of pairs it never saw. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunEvent } from "../../src/core/events.ts";
import { readJsonl } from "../../src/core/jsonl.ts";
import { PreferenceRow } from "../../src/core/preference.ts";
import { createRandom } from "../../src/core/random.ts";
import { parseRecipe } from "../../src/core/recipe.ts";
import { type RunDir, runDir } from "../../src/core/run-dir.ts";
import { type StageResult, runStage } from "../../src/core/stage.ts";
import { collect } from "../../src/data/collect.ts";
import { curate } from "../../src/data/curate.ts";
import { writeModel } from "../../src/models/folder.ts";
import { initLora, loraModules } from "../../src/models/lora.ts";
import { writeAdapter } from "../../src/models/peft.ts";
import { createTokenizer, writeTokenizerFiles } from "../../src/tokenizer/tokenizer.ts";
import { trainVocabulary } from "../../src/tokenizer/train-vocabulary.ts";
import { twainTokens } from "../../src/tokenizer/twain-template.ts";
import { preference } from "../../src/train/preference-stage.ts";
import { tinyConfig, tinyModel } from "../fakes/tiny-model.ts";

let folder = "";
let dir: RunDir;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-pairs-"));
  dir = runDir(join(folder, "run"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const { signal } = new AbortController();

test(
  "the pairs of a small recipe train stage preference, and the margin of pairs kept back rises",
  { timeout: 600_000 },
  async () => {
    const recipe = parseRecipe(
      {
        name: "t",
        data: { sources: [{ kind: "bundled", sets: ["franklin"] }] },
        curate: {
          episodes: { train: 20, cases: 1, answers: 3 },
          preference: { decisions: 60, voice: 10, grounded: 10 },
        },
        base: { kind: "folder", path: join(folder, "base") },
        train: { steps: 1, learningRate: 1e-3, lora: { rank: 4, alpha: 8 } },
        preference: {
          steps: 12,
          learningRate: 1e-2,
          warmupSteps: 0,
          sequenceLength: 512,
          microBatch: 4,
          validEvery: 6,
          saveEvery: 12,
          validShare: 0.25,
        },
      },
      "t",
    );
    // Curate will write the rows: nothing is missing before it has.
    await expect(preference.check!(recipe, dir, signal)).resolves.toBeUndefined();
    for await (const _ of runStage(collect, recipe, dir, signal));
    for await (const _ of runStage(curate, recipe, dir, signal));
    const rows: PreferenceRow[] = [];
    for await (const row of readJsonl(dir.dataset.preference, PreferenceRow)) rows.push(row);
    expect(rows).toHaveLength(80);

    // A model that knows nothing, with a tokenizer that knows the words.
    const texts = rows.map((row) => JSON.stringify(row));
    const files = await trainVocabulary(texts, { ...twainTokens, vocabSize: 1500 });
    await writeTokenizerFiles(join(folder, "base"), files);
    const config = {
      ...tinyConfig,
      vocab_size: createTokenizer(files).vocabSize,
      num_hidden_layers: 1,
      max_position_embeddings: 512,
    };
    const model = tinyModel(1, config);
    await writeModel(join(folder, "base"), config, model.tensors);
    const { lora } = recipe.train;
    const modules = loraModules(model.architecture.parameters(config), lora);
    const tensors = initLora(modules, createRandom(1), model.tensors);
    for (const data of tensors.values()) data.forEach((_, i) => (data[i]! += 0.01));
    await writeAdapter(dir.train.adapter, { lora, modules, tensors, baseName: "base", card: "" });

    const events: RunEvent[] = [];
    const run = preference.run({
      recipe,
      config: preference.config(recipe),
      dir,
      fingerprint: "work",
      signal,
    });
    let result: StageResult | undefined;
    while (!result) {
      const next = await run.next();
      if (next.done) result = next.value;
      else events.push(next.value);
    }
    expect(result.dropped).toEqual({});
    expect(result.counts.pairs! + result.counts.validPairs!).toBe(80);
    expect(result.counts.validPairs).toBeGreaterThanOrEqual(20);
    const losses = events.flatMap((event) => (event.type === "valid" ? event.loss : []));
    expect(losses.at(-1)).toBeLessThan(Math.LN2 - 0.02);
    const told = events.flatMap((event) =>
      event.type === "notice"
        ? (/margin of rewards is (\S+) .*and (\S+) %/.exec(event.message) ?? [])
        : [],
    );
    expect(Number(told[1])).toBeGreaterThan(0.05);
    expect(Number(told[2])).toBeGreaterThan(60);
  },
);
