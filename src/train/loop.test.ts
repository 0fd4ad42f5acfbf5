import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { randomExample, tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import type { RunEvent } from "../core/events.ts";
import { createRandom } from "../core/random.ts";
import { type TrainingConfig, parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { initLora, loraModules } from "../models/lora.ts";
import type { Example } from "../tokenizer/example.ts";
import { trainedShapes } from "./graphs.ts";
import { type LoopResult, trainLoop } from "./loop.ts";
import { packStream } from "./packing.ts";
import { Trainer } from "./trainer.ts";

const {
  lora: _lora,
  mixture: _mixture,
  neftuneAlpha: _none,
  ...defaults
} = parseRecipe(
  {
    name: "x",
    data: { sources: [{ kind: "bundled" }] },
    base: { kind: "folder", path: "." },
    train: { steps: 6, learningRate: 1e-2 },
  },
  "x",
).train;
const config: TrainingConfig = {
  ...defaults,
  sequenceLength: 24,
  microBatch: 1,
  schedule: "constant",
  warmupSteps: 0,
  validEvery: 3,
  saveEvery: 2,
};
const model = tinyModel(1, { ...tinyConfig, num_hidden_layers: 1 });
/** All of one length and all trained: one graph is enough. */
const example = (id: number): Example => ({
  ...randomExample(id, 18),
  trained: Uint8Array.from({ length: 18 }, (_, i) => (i > 0 ? 1 : 0)),
});
const modules = loraModules(model.architecture.parameters(model.config), { rank: 2, alpha: 4 });
const trained = { kind: "lora", modules, dropout: 0.2 } as const;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-loop-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A run in `folder`, to its end or its error, with all it said on the way. */
async function loop(
  overrides: Partial<TrainingConfig> = {},
  signal: AbortSignal = new AbortController().signal,
  onEvent: (event: RunEvent) => void = () => {},
  order: (at: number) => number = (at) => at % 6,
): Promise<{ result: LoopResult; events: RunEvent[] }> {
  const trainer = new Trainer(
    model,
    trained,
    initLora(modules, createRandom(2), model.tensors),
    { ...config, ...overrides },
    { random: createRandom(3) },
  );
  const examples = Array.from({ length: 6 }, (_, i) => example(i));
  let at = 0;
  const next = (): Example => examples[order(at++)]!;
  const run = trainLoop({
    stage: "train",
    trainer,
    shapes: trainedShapes(model, trained),
    batches: packStream(next, config.microBatch, config.sequenceLength),
    validate: () => trainer.validLoss(examples),
    config: { ...config, ...overrides },
    files: runDir(folder).train,
    fingerprint: "work",
    signal,
  });
  const events: RunEvent[] = [];
  try {
    for (;;) {
      const step = await run.next();
      if (step.done) return { result: step.value, events };
      events.push(step.value);
      onEvent(step.value);
    }
  } finally {
    await trainer.release();
  }
}

const metrics = async (): Promise<Record<string, number>[]> =>
  (await readFile(runDir(folder).train.metrics, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
const eventFiles = (): Promise<string[]> => readdir(runDir(folder).train.tensorboard);

test.each(["adamw", "muon"] as const)(
  "an interrupted run goes on to the same weights, dropout and all: %s",
  async (optimizer) => {
    const whole = await loop({ optimizer });
    const numbers = (await metrics()).map(({ step, loss, validLoss }) => ({
      step,
      loss,
      validLoss,
    }));
    await rm(folder, { recursive: true });
    const abort = new AbortController();
    await expect(
      loop({ optimizer }, abort.signal, (event) => {
        if (event.type === "train-step" && event.step === 3) abort.abort();
      }),
    ).rejects.toThrow(/abort/i);
    const resumed = await loop({ optimizer });
    expect(resumed.events[0]).toMatchObject({ message: "resumed after step 3" });
    expect(resumed.result.best).toEqual(whole.result.best);
    expect(
      (await metrics()).map(({ step, loss, validLoss }) => ({ step, loss, validLoss })),
    ).toEqual(numbers);
    expect(await eventFiles()).toHaveLength(2);
  },
);

test("a killed run, which saves nothing on its way out, goes on from its last checkpoint to the same weights and losses", async () => {
  const whole = await loop();
  const numbers = (await metrics()).map(({ step, loss, validLoss }) => ({ step, loss, validLoss }));
  await rm(folder, { recursive: true });
  await expect(
    loop({}, undefined, (event) => {
      if (event.type === "train-step" && event.step === 5) throw new Error("killed");
    }),
  ).rejects.toThrow("killed");
  expect((await metrics()).at(-1)!["step"]).toBe(5);
  const resumed = await loop();
  expect(resumed.events[0]).toMatchObject({ message: "resumed after step 4" });
  expect(resumed.result.best).toEqual(whole.result.best);
  expect((await metrics()).map(({ step, loss, validLoss }) => ({ step, loss, validLoss }))).toEqual(
    numbers,
  );
});

test("as many checkpoints are kept as asked for", async () => {
  await loop({ keepCheckpoints: 1 });
  expect(await readdir(runDir(folder).train.checkpoints)).toEqual([
    "step-0000006.json",
    "step-0000006.safetensors",
  ]);
});

describe("a run that comes apart", () => {
  interface BadBatch {
    step: number;
    problem: string;
    batches: { id: string; row: number; start: number; tokens: number[]; trained: number[] }[][];
  }
  const badBatch = async (): Promise<BadBatch> =>
    JSON.parse(await readFile(runDir(folder).train.badBatch, "utf8")) as BadBatch;

  test("is stopped at the first loss that is no number, with the step and its rows", async () => {
    await expect(loop({ learningRate: 1e30 })).rejects.toMatchObject({
      code: "train/bad-loss",
      message: expect.stringMatching(/^step 2: .* is NaN; .*bad-batch\.json$/) as unknown,
    });
    const { step, batches } = await badBatch();
    expect(step).toBe(2);
    const [row] = batches[0]!;
    const { ids, trained: flags } = example(Number(/\d+/.exec(row!.id)![0]));
    expect(row).toMatchObject({ tokens: [...ids], trained: [...flags] });
    // What was saved before is still sound.
    expect((await metrics()).map(({ step: at }) => at)).toEqual([1]);
  });

  test("is stopped when the loss stays far above its median", async () => {
    // One row until it is known by heart, then the others.
    const order = (at: number): number => (at < 12 ? 0 : 1 + (at % 5));
    const watchdog = { factor: 1.2, steps: 2, window: 10 };
    const run = loop({ steps: 20, learningRate: 0.05, watchdog }, undefined, undefined, order);
    await expect(run).rejects.toMatchObject({ code: "train/diverged" });
    const { step, problem, batches } = await badBatch();
    expect(problem).toMatch(/over 1.2 times its median/);
    expect(step).toBe(14);
    expect((await metrics()).findLast(({ loss }) => loss !== undefined)!["step"]).toBe(step);
    expect(batches.flat().length).toBeGreaterThan(0);
  });
});
