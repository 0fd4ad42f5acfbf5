import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { learningRateAt } from "./schedule.ts";

const shapes = new Map([["w", [2, 2]]]);
const at = (step: number): Checkpoint => {
  const numbers = (x: number): Map<string, Float32Array> =>
    new Map([["w", Float32Array.of(x, x + 0.1, -x, step)]]);
  return {
    state: { step, weights: numbers(1), m: numbers(2), v: numbers(3) },
    progress: {
      bestLoss: step === 1 ? Number.POSITIVE_INFINITY : 0.1 * step,
      bestStep: step,
      sinceBest: 2,
    },
    best: numbers(4),
  };
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true }));
const save = (step: number, keep = 2): Promise<void> =>
  saveCheckpoint(folder, at(step), shapes, "work", keep);

test("the newest checkpoint is read back whole, and only the newest are kept", async () => {
  for (const step of [1, 20, 300]) await save(step);
  expect(await loadCheckpoint(folder, "work")).toEqual({ checkpoint: at(300), passedOver: [] });
  expect(await readdir(folder)).toHaveLength(4);
});

test("no best loss yet is no best loss after reading", async () => {
  await save(1);
  expect((await loadCheckpoint(folder, "work")).checkpoint?.progress.bestLoss).toBe(
    Number.POSITIVE_INFINITY,
  );
});

test("checkpoints of other work are not resumed", async () => {
  await save(1);
  expect(await loadCheckpoint(folder, "other work")).toEqual({ passedOver: [] });
});

const damages: [string, (path: string) => Promise<void>][] = [
  ["cut short", (path) => truncate(path, 40)],
  [
    "one bit flipped",
    async (path) => {
      const bytes = await readFile(path);
      bytes[bytes.length - 3]! ^= 1;
      await writeFile(path, bytes);
    },
  ],
  ["gone", (path) => rm(path)],
];
test.each(damages)(
  "a checkpoint %s is passed over for the one before, and said so",
  async (_name, damage) => {
    await save(10);
    await save(20);
    await damage(join(folder, "step-0000020.safetensors"));
    const { checkpoint, passedOver } = await loadCheckpoint(folder, "work");
    expect(checkpoint).toEqual(at(10));
    expect(passedOver).toHaveLength(1);
    expect(passedOver[0]).toContain("step 20");
  },
);

test("a kill before the sidecar is written leaves no checkpoint", async () => {
  await save(10);
  await save(20);
  await rm(join(folder, "step-0000020.json"));
  expect((await loadCheckpoint(folder, "work")).checkpoint?.state.step).toBe(10);
});

test("the schedule warms up, peaks once, and ends at its final share", () => {
  const config = {
    steps: 100,
    warmupSteps: 10,
    learningRate: 2,
    finalLearningRate: 0.1,
    schedule: "cosine" as const,
  };
  const rates = Array.from({ length: 100 }, (_, i) => learningRateAt(i + 1, config));
  expect(rates[0]).toBeCloseTo(0.2);
  expect(rates[9]).toBeCloseTo(2);
  expect(Math.max(...rates)).toBeCloseTo(2);
  expect(rates.at(-1)).toBeCloseTo(0.2);
  for (let i = 10; i < 99; i++) expect(rates[i + 1]!).toBeLessThan(rates[i]!);
  expect(learningRateAt(55, { ...config, schedule: "linear" })).toBeCloseTo(1.1);
  expect(learningRateAt(90, { ...config, schedule: "constant" })).toBe(2);
});
