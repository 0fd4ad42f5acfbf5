import { describe, expect, it } from "vitest";
import tiny from "../../recipes/tiny.ts";
import { applyOverrides, parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { checkMemory, forecastText } from "./training-forecast.ts";

const dir = runDir("/nowhere");
const recipe = parseRecipe(tiny, "tiny");
const machine = (gigabytes: number): { limit: number; available: number } => ({
  limit: 1e9 * gigabytes,
  available: 1e9 * gigabytes,
});
const stages = ["collect", "base", "train"] as const;

describe("checkMemory", () => {
  it("lets pass what fits, and says what it looked at", async () => {
    expect(await checkMemory(recipe, dir, stages, machine(24))).toEqual(["base", "train"]);
    expect(await checkMemory(recipe, dir, ["collect"], machine(0.01))).toEqual([]);
  });

  it("stops a stage that clearly does not fit, with its settings", async () => {
    await expect(checkMemory(recipe, dir, ["train"], machine(0.1))).rejects.toMatchObject({
      code: "train/not-enough-memory",
      message: expect.stringMatching(/stage train of recipe tiny .* 100\.0 MB can be had/),
      hint: expect.stringMatching(
        /train\.recompute=true, or train\.microBatch=2 train\.gradientAccumulation=2, or train\.sequenceLength=192/,
      ),
    });
  });

  it("does not advise what is set already", async () => {
    const set = parseRecipe(
      applyOverrides(tiny, ["train.recompute=true", "train.quantization=int8"]),
      "tiny",
    );
    await expect(checkMemory(set, dir, ["train"], machine(0.1))).rejects.toMatchObject({
      hint: expect.not.stringMatching(/recompute|quantization/),
    });
  });

  it("leaves a base that is not there to its stage", async () => {
    const folder = parseRecipe(
      applyOverrides(tiny, ['base={"kind":"folder","path":"/nowhere/model"}']),
      "tiny",
    );
    expect(await checkMemory(folder, dir, stages, machine(0.01))).toEqual([]);
  });
});

it("the table of stages fits 80 columns without colour", () => {
  const memory = { process: 1e8, data: 1e8, weights: 1.5e10, optimizer: 1e9, activations: 1.1e10 };
  const seconds = { likely: 4000, low: 2800, high: 6400 };
  const text = forecastText(
    (["base", "train", "preference"] as const).map((stage) => ({
      stage,
      trainable: 8.03e9,
      steps: 100_000,
      peak: 2.7e10,
      memory,
      seconds,
      assumed: true,
    })),
    machine(24),
    (_style, plain) => plain,
  );
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});
