import { describe, expect, it } from "vitest";
import tiny from "../../recipes/tiny.ts";
import { applyOverrides, parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { flopsOf } from "../engine/index.ts";
import { stepSeconds } from "./step-seconds.ts";
import { type TrainingCost, trainingCost } from "./training-cost.ts";
import { type TrainingStage, trainingJobs } from "./training-jobs.ts";

const nowhere = runDir("/nowhere");

async function costOf(stage: TrainingStage, ...overrides: string[]): Promise<TrainingCost> {
  const recipe = parseRecipe(applyOverrides(tiny, overrides), "tiny");
  const jobs = await trainingJobs(recipe, nowhere);
  return trainingCost(jobs.find((job) => job.stage === stage)!.job);
}

const constant = { traffic: 1e9, product: () => Promise.resolve(1e9) };

describe("trainingCost", () => {
  it("counts what is trained", async () => {
    expect((await costOf("train", "train.lora.rank=4")).trainable * 2).toBe(
      (await costOf("train", "train.lora.rank=8")).trainable,
    );
  });

  it("adds up to the peak", async () => {
    const { memory, peak } = await costOf("base");
    expect(Object.values(memory).reduce((a, b) => a + b, 0)).toBe(peak);
  });

  it.each(["base.training", "train"])("grows with batch and sequence of %s", async (key) => {
    const stage = key === "train" ? "train" : "base";
    const least = await costOf(stage, `${key}.microBatch=2`, `${key}.sequenceLength=128`);
    for (const more of [`${key}.microBatch=4`, `${key}.sequenceLength=256`]) {
      const found = await costOf(stage, `${key}.microBatch=2`, `${key}.sequenceLength=128`, more);
      expect(found.memory.activations).toBeGreaterThan(1.3 * least.memory.activations);
      expect((await stepSeconds(found, constant)).likely).toBeGreaterThan(
        (await stepSeconds(least, constant)).likely,
      );
    }
  });

  it("recomputation takes less memory and more work", async () => {
    const sizes = ["base.layers=6", "train.microBatch=2"];
    const kept = await costOf("train", ...sizes);
    const some = await costOf("train", ...sizes, "train.recompute=selective");
    const all = await costOf("train", ...sizes, "train.recompute=true");
    expect(some.memory.activations).toBeLessThan(0.9 * kept.memory.activations);
    expect(all.memory.activations).toBeLessThan(0.8 * kept.memory.activations);
    const seconds = async (cost: typeof kept) => (await stepSeconds(cost, constant)).likely;
    expect(await seconds(some)).toBeGreaterThan(await seconds(kept));
    expect(await seconds(some)).toBeLessThan(await seconds(all));
  });

  it("a packed base takes its own bytes", async () => {
    const small = ["train.microBatch=1", "train.sequenceLength=64"];
    const full = await costOf("train", ...small);
    const packed = await costOf("train", ...small, "train.quantization=nf4");
    expect(packed.memory.weights).toBeLessThan(0.6 * full.memory.weights);
  });

  it("knows the preference stage", async () => {
    const cost = await costOf("preference", 'preference={"steps":2,"learningRate":1e-4}');
    expect(cost.trainable).toBe((await costOf("train")).trainable);
    expect(cost.peak).toBeGreaterThan(1e8);
  });
});

describe("stepSeconds", () => {
  it("is operations over their rate, bytes over theirs, and a little a node", async () => {
    const product = { batch: 1, rows: 10, inner: 20, columns: 30, count: 5 };
    const work = { products: [product], traffic: 4e6, nodes: 0 };
    const { likely, low, high } = await stepSeconds({ work: [{ work, times: 2 }] }, constant);
    expect(likely).toBeCloseTo(2 * ((5 * flopsOf(product)) / 1e9 + 4e6 / 1e9));
    expect(low).toBeLessThan(likely);
    expect(high).toBeGreaterThan(likely);
  });
});
