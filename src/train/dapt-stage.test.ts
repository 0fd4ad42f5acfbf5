/** The stages dapt and train on a model that knows nothing, from files to files. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import type { RunEvent } from "../core/events.ts";
import { createRandom } from "../core/random.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import type { Stage, StageResult } from "../core/stage.ts";
import { type Model, readModel, writeModel } from "../models/folder.ts";
import { initLora } from "../models/lora.ts";
import { type Adapter, readAdapter } from "../models/peft.ts";
import { loadChatTemplate } from "../tokenizer/chat-template.ts";
import { createTokenizer, loadTokenizer, writeTokenizerFiles } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { dapt } from "./dapt-stage.ts";
import { readPlainText } from "./plain-text.ts";
import { train } from "./train-stage.ts";
import { Trainer } from "./trainer.ts";

let folder = "";
let model: Model;
const schedule = {
  steps: 12,
  learningRate: 1e-2,
  warmupSteps: 0,
  sequenceLength: 48,
  microBatch: 2,
  validEvery: 4,
  saveEvery: 4,
};
const recipe = (more: { dapt?: object; train?: object } = { dapt: {} }): Recipe =>
  parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled" }] },
      base: { kind: "folder", path: join(folder, "base") },
      ...(more.dapt && { dapt: { ...schedule, ...more.dapt } }),
      train: {
        ...schedule,
        mixture: { humour: 1 },
        // Dropout: a resumed run must draw the same masks.
        lora: { rank: 2, alpha: 4, dropout: 0.1 },
        ...more.train,
      },
    },
    "t",
  );

/** A run folder with the same texts and rows. */
async function newRun(name: string): Promise<RunDir> {
  const dir = runDir(join(folder, name));
  const write = async (path: string, rows: object[]): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  };
  const places = ["Hannibal", "Keokuk", "Cairo", "Memphis", "Natchez", "Vicksburg"];
  await write(
    dir.curated,
    places.map((place, i) => ({
      id: place,
      kind: "passage",
      text: `Rain fell on ${place}, and rain fell on the river, and rain fell on us.`,
      source: "test",
      licence: "CC0-1.0",
      sha256: String(i),
      extra: { persona: i % 2 ? "twain" : "franklin" },
    })),
  );
  const row = (key: string): object => ({
    id: `row-${key}`,
    messages: [
      { role: "user", content: "Rain?" },
      { role: "assistant", content: "Yes." },
    ],
    tags: { persona: "neutral", domain: "humour", source: "test", synthetic: true },
    meta: { parents: [], licence: "CC0-1.0", split_key: key },
  });
  await write(dir.dataset.train, [row("a"), row("b")]);
  await write(dir.dataset.valid, [row("Keokuk")]);
  await write(dir.dataset.test, [row("Natchez")]);
  return dir;
}

async function run<C>(
  stage: Stage<C>,
  own: Recipe,
  dir: RunDir,
  {
    signal = new AbortController().signal,
    on,
  }: { signal?: AbortSignal; on?: (event: RunEvent) => void } = {},
): Promise<{ result: StageResult; events: RunEvent[] }> {
  const events: RunEvent[] = [];
  const config = stage.config(own);
  const fingerprint = JSON.stringify(own);
  const work = stage.run({ recipe: own, config, dir, fingerprint, signal });
  for (;;) {
    const next = await work.next();
    if (next.done) return { result: next.value, events };
    events.push(next.value);
    on?.(next.value);
  }
}

const adapterBytes = (adapter: string): Promise<Buffer> =>
  readFile(join(adapter, "adapter_model.safetensors"));

let whole: RunDir;
let done: Awaited<ReturnType<typeof run>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-dapt-stage-"));
  const base = join(folder, "base");
  const files = await trainVocabulary(["rain or sun"], { ...twainTokens, vocabSize: 300 });
  await writeTokenizerFiles(base, files);
  const vocab = createTokenizer(files).vocabSize;
  const config = { ...tinyConfig, vocab_size: vocab, num_hidden_layers: 1 };
  await writeModel(base, config, tinyModel(1, config).tensors);
  model = await readModel(base);
  whole = await newRun("whole");
  done = await run(dapt, recipe(), whole);
});
afterAll(() => rm(folder, { recursive: true }));

test("the text kept back is likelier under the adapter than under the base alone", async () => {
  expect(done.result.counts).toMatchObject({ texts: 4, validTexts: 1, steps: 12 });
  expect(done.result.dropped).toEqual({ "of-test": 1 });
  const tokenizer = await loadTokenizer(join(folder, "base"));
  const template = await loadChatTemplate(join(folder, "base"), tokenizer);
  const signal = new AbortController().signal;
  const { valid } = await readPlainText(
    whole,
    dapt.config(recipe()),
    { tokenizer, template },
    createRandom(1),
    signal,
  );
  const adapter = await readAdapter(whole.dapt.adapter, model);
  const lossOf = async (tensors: Adapter["tensors"]): Promise<number> => {
    const trained = { kind: "lora", modules: adapter.modules } as const;
    const trainer = new Trainer(model, trained, tensors, dapt.config(recipe()));
    const loss = await trainer.validLoss(valid, signal);
    await trainer.release();
    return loss;
  };
  const before = await lossOf(initLora(adapter.modules, createRandom(2), model.tensors));
  const after = await lossOf(adapter.tensors);
  expect(after).toBeLessThan(before - 0.3);
  expect(done.events.findLast((event) => event.type === "notice")?.message).toBe(
    `loss on the text kept back: ${before.toFixed(4)} of the base, ${after.toFixed(4)} at step ${done.result.counts.bestStep}`,
  );
});

test("interrupted and run again, it ends with the same bytes", async () => {
  const dir = await newRun("interrupted");
  const stop = new AbortController();
  const interrupted = run(dapt, recipe(), dir, {
    signal: stop.signal,
    on(event) {
      if (event.type === "train-step" && event.step === 6) stop.abort();
    },
  });
  await expect(interrupted).rejects.toThrow("aborted");
  const { events } = await run(dapt, recipe(), dir);
  expect(events).toContainEqual({ type: "notice", stage: "dapt", message: "resumed after step 6" });
  expect(await adapterBytes(dir.dapt.adapter)).toEqual(await adapterBytes(whole.dapt.adapter));
});

test("train starts from its adapter, and without the section from one of its own", async () => {
  // Steps too small to move a float32 show where it started.
  const still = { steps: 1, learningRate: 1e-30 };
  await run(train, recipe({ dapt: {}, train: still }), whole);
  const [given, started] = await Promise.all(
    [whole.dapt.adapter, whole.train.adapter].map((path) => readAdapter(path, model)),
  );
  expect(started).toEqual(given);

  await run(train, recipe({ train: { steps: 1, learningRate: 1e-3 } }), whole);
  const own = await readAdapter(whole.train.adapter, model);
  expect(own.modules).toEqual(given!.modules);
  expect(own.tensors).not.toEqual(given!.tensors);
});

test("only a recipe with the section has the stage, and only there train depends on it", () => {
  const [plain, chained] = [recipe({}), recipe()];
  expect([plain, chained].map((each) => dapt.wanted!(each))).toEqual([false, true]);
  expect([plain, chained].map((each) => train.alsoNeeds!(each))).toEqual([[], ["dapt"]]);
  expect(train.config(chained)).toEqual(train.config(plain));
});

test("a change of the adapter's shape is one of both stages", () => {
  const wider = recipe({ dapt: {}, train: { lora: { rank: 8 } } });
  expect(dapt.config(wider)).not.toEqual(dapt.config(recipe()));
  expect(dapt.config(wider).lora).toEqual(train.config(wider).lora);
});
