/** The stage on a model that knows nothing, from files to files. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import type { RunEvent } from "../core/events.ts";
import { createRandom } from "../core/random.ts";
import { parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import type { StageResult } from "../core/stage.ts";
import { writeModel } from "../models/folder.ts";
import { initLora, loraModules } from "../models/lora.ts";
import { readAdapter, writeAdapter } from "../models/peft.ts";
import { type ChatTemplate, loadChatTemplate } from "../tokenizer/chat-template.ts";
import {
  type Tokenizer,
  createTokenizer,
  loadTokenizer,
  writeTokenizerFiles,
} from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { preference } from "./preference-stage.ts";
import { type StageJob, trainingJobs } from "./training-jobs.ts";

let folder = "";
let dir: RunDir;
const section = {
  steps: 6,
  learningRate: 2e-2,
  warmupSteps: 0,
  sequenceLength: 48,
  microBatch: 2,
  validEvery: 6,
  saveEvery: 6,
};
const recipe = () =>
  parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled" }] },
      base: { kind: "folder", path: join(folder, "base") },
      train: { steps: 1, learningRate: 1e-3, lora: { rank: 2, alpha: 4, targets: ["q_proj"] } },
      preference: section,
    },
    "t",
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-preference-stage-"));
  dir = runDir(join(folder, "run"));
  const files = await trainVocabulary(["rain or sun"], { ...twainTokens, vocabSize: 300 });
  await writeTokenizerFiles(join(folder, "base"), files);
  const vocab = createTokenizer(files).vocabSize;
  const config = { ...tinyConfig, vocab_size: vocab, num_hidden_layers: 1 };
  const model = tinyModel(1, config);
  await writeModel(join(folder, "base"), config, model.tensors);
  const { lora } = recipe().train;
  const modules = loraModules(model.architecture.parameters(config), lora);
  const tensors = initLora(modules, createRandom(1), model.tensors);
  for (const data of tensors.values()) data.forEach((_, i) => (data[i]! += 0.01));
  const adapter = { lora, modules, tensors, baseName: "base", card: "" };
  await writeAdapter(dir.train.adapter, adapter);
  await mkdir(dir.dataset.root, { recursive: true });
  const say = (role: string, content: string) => ({ role, content });
  const rows = Array.from({ length: 6 }, (_, i) => ({
    id: `row-${i}`,
    prompt: [say("user", `Q${i}?`)],
    chosen: [say("assistant", "Yes.")],
    rejected: [say("assistant", "Nono!")],
    tags: { persona: "neutral", domain: "humour", source: "test", synthetic: true },
    meta: { parents: [], licence: "CC0-1.0", split_key: `k${i}` },
  }));
  await writeFile(dir.dataset.preference, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
});
afterAll(() => rm(folder, { recursive: true }));

test("from the adapter of train it makes one that prefers what was chosen", async () => {
  const events: RunEvent[] = [];
  const own = recipe();
  const run = preference.run({
    recipe: own,
    config: preference.config(own),
    dir,
    fingerprint: "work",
    signal: new AbortController().signal,
  });
  let result: StageResult | undefined;
  while (!result) {
    const next = await run.next();
    if (next.done) result = next.value;
    else events.push(next.value);
  }
  expect(result.counts).toMatchObject({ pairs: 5, validPairs: 1, steps: 6 });
  const steps = events.filter((event) => event.type === "train-step");
  expect(steps[0]!.loss).toBeCloseTo(Math.LN2, 3);
  expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
  expect(steps.at(-1)!.metrics).toMatchObject({ accuracy: 1 });
  expect((await readFile(dir.preference.reference, "utf8")).trim().split("\n")).toHaveLength(6);
  expect(result.outputs).toContain(join(dir.preference.adapter, "adapter_model.safetensors"));
  const model = tinyModel(1, {
    ...tinyConfig,
    vocab_size: (await readBase()).vocab_size,
    num_hidden_layers: 1,
  });
  const [before, after] = await Promise.all(
    [dir.train.adapter, dir.preference.adapter].map((path) => readAdapter(path, model)),
  );
  expect(after!.modules).toEqual(before!.modules);
  expect(after!.tensors).not.toEqual(before!.tensors);
});

const readBase = async (): Promise<{ vocab_size: number }> =>
  JSON.parse(await readFile(join(folder, "base", "config.json"), "utf8")) as {
    vocab_size: number;
  };

test("a recipe without the section has no such stage; the file's bytes are an input of one with it", async () => {
  const { preference: _, ...without } = recipe();
  expect([preference.wanted!(recipe()), preference.wanted!(without)]).toEqual([true, false]);
  const inputs = (at: RunDir): Promise<unknown> =>
    preference.inputs!(preference.config(recipe()), at, recipe());
  const before = await inputs(dir);
  const missing = runDir(join(folder, "nowhere"));
  await expect(inputs(missing)).rejects.toMatchObject({
    code: "train/no-preference",
  });
  await writeFile(dir.dataset.preference, `\n${await readFile(dir.dataset.preference, "utf8")}`);
  expect(await inputs(dir)).not.toBe(before);
});

test("before anything runs, rows that are not there, too few or no rows at all are told", async () => {
  await expect(
    preference.check!(recipe(), dir, new AbortController().signal),
  ).resolves.toBeUndefined();
  const other = runDir(join(folder, "other"));
  const code = async (): Promise<unknown> =>
    preference.check!(recipe(), other, new AbortController().signal).catch(
      (error: unknown) => (error as { code: string }).code,
    );
  expect(await code()).toBe("train/no-preference");
  const [row] = (await readFile(dir.dataset.preference, "utf8")).trim().split("\n");
  await mkdir(other.dataset.root, { recursive: true });
  await writeFile(other.dataset.preference, `${row}\n`);
  expect(await code()).toBe("train/no-preference");
  await writeFile(other.dataset.preference, `${row}\n{"id":"x"}\n`);
  expect(await code()).toBe("core/bad-jsonl");
  await writeFile(other.dataset.preference, `${row}\n${row}\n`);
  expect(await code()).toBeUndefined();
});

test("the base is packed as it was for train", async () => {
  const plain = recipe();
  const own = { ...plain, train: { ...plain.train, quantization: "int8" as const } };
  const events = preference.run({
    recipe: own,
    config: { ...preference.config(own), steps: 1 },
    dir,
    fingerprint: "packed",
    signal: new AbortController().signal,
  });
  while (!(await events.next()).done);
  expect(await readdir(dir.quantized)).toHaveLength(1);
});

test("its forecast reads the rows once tokenizer and file are there, and assumes till then", async () => {
  const own = recipe();
  const encoder = await openEncoder();
  const job = async (at: RunDir, read?: typeof encoder): Promise<StageJob> =>
    (await trainingJobs(own, at, read)).find(({ stage }) => stage === "preference")!;
  const known = await job(dir, encoder);
  expect(known.assumed).toBe(false);
  expect(known.job.data.examples).toBe(12);
  const shares = [...known.job.steps.values()];
  expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
  // Six short pairs fill no batch, whose every token would be taken to be trained.
  const unknown = await job(dir);
  expect(unknown.assumed).toBe(true);
  expect(Math.max(...known.job.steps.keys())).toBeLessThan(Math.max(...unknown.job.steps.keys()));
  expect(await job(runDir(join(folder, "nothing")), encoder)).toMatchObject({ assumed: true });
});

const openEncoder = async (): Promise<{ tokenizer: Tokenizer; template: ChatTemplate }> => {
  const tokenizer = await loadTokenizer(join(folder, "base"));
  return { tokenizer, template: await loadChatTemplate(join(folder, "base"), tokenizer) };
};
