import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import tiny from "../../recipes/tiny.ts";
import type { MachineMemory } from "../core/machine-memory.ts";
import { type Recipe, applyOverrides, parseRecipe } from "../core/recipe.ts";
import { TwainError } from "../core/errors.ts";
import { runDir } from "../core/run-dir.ts";
import { checkMemory } from "./memory-check.ts";

const dir = runDir("/nowhere");
const tinyWith = (...overrides: string[]): Recipe =>
  parseRecipe(applyOverrides(tiny, overrides), "tiny");
const machine = (gigabytes: number): MachineMemory => ({
  limit: 1e9 * gigabytes,
  available: 1e9 * gigabytes,
});
const stages = ["collect", "base", "train", "evaluate"] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-memory-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** `tiny` on a Llama of `layers` layers of which only the config is there. */
async function onLlama(
  config: { hidden_size: number; num_hidden_layers: number },
  ...overrides: string[]
): Promise<Recipe> {
  const { hidden_size } = config;
  const whole = {
    model_type: "llama",
    vocab_size: 128_256,
    intermediate_size: 3.5 * hidden_size,
    num_attention_heads: hidden_size / 128,
    num_key_value_heads: 8,
    max_position_embeddings: 8192,
    hidden_act: "silu",
    ...config,
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(whole));
  return tinyWith(`base=${JSON.stringify({ kind: "folder", path: folder })}`, ...overrides);
}
/** 8.9 billion parameters in few layers: its graphs are built in a moment. */
const WIDE = { hidden_size: 8192, num_hidden_layers: 8 };

async function refusal(...asked: Parameters<typeof checkMemory>): Promise<TwainError> {
  const error: unknown = await checkMemory(...asked).catch((thrown: unknown) => thrown);
  if (error instanceof TwainError) return error;
  throw new Error("it was not refused");
}

/** The settings of a hint. */
const settingsOf = ({ hint = "" }: TwainError): string[] =>
  hint
    .slice(0, hint.indexOf(" makes it fit"))
    .split(" ")
    .map((setting) => setting.replaceAll("'", ""));

describe("checkMemory", () => {
  it("lets pass what fits, and says what it looked at", async () => {
    const looked = await checkMemory(tinyWith(), dir, stages, machine(24));
    expect(looked).toEqual(["base", "train", "evaluate"]);
    expect(await checkMemory(tinyWith(), dir, ["collect"], machine(0.01))).toEqual([]);
  });

  it("stops a stage that clearly does not fit, with settings that make it fit", async () => {
    const error = await refusal(tinyWith(), dir, ["train"], machine(0.2));
    expect(error.code).toBe("train/not-enough-memory");
    expect(error.message).toMatch(/stage train of recipe tiny .* 200\.0 MB can be had/);
    const changed = tinyWith(...settingsOf(error));
    expect(await checkMemory(changed, dir, ["train"], machine(0.2))).toEqual(["train"]);
  });

  it("says so where no setting helps", async () => {
    const error = await refusal(tinyWith(), dir, ["train"], machine(0.05));
    expect(error.hint).toMatch(/choose a smaller base/);
  });

  it("of a base too large in float32 it asks for what it takes, and for no more", async () => {
    const sizes = ["train.microBatch=1", "train.sequenceLength=512"];
    const recipe = await onLlama(WIDE, ...sizes);
    const error = await refusal(recipe, dir, ["train"], machine(20));
    expect(settingsOf(error)).toEqual(["train.recompute=true", "train.quantization=nf4"]);
  });

  it("counts weights before it builds graphs", async () => {
    const recipe = await onLlama(
      { hidden_size: 2 ** 17, num_hidden_layers: 1024 },
      "train.quantization=nf4",
      "train.lora.rank=1",
    );
    const error = await refusal(recipe, dir, ["train"], machine(20));
    expect(error.message).toMatch(/\(weights/);
    expect(error.hint).toMatch(/choose a smaller base/);
  });

  it("stops before a run whose evaluation would not fit", async () => {
    const recipe = await onLlama(
      WIDE,
      "train.quantization=nf4",
      "train.recompute=true",
      "train.microBatch=1",
    );
    const error = await refusal(recipe, dir, stages, machine(20));
    expect(error.code).toBe("generate/not-enough-memory");
    expect(error.message).toMatch(/stage evaluate .* \(weights/);
    expect(settingsOf(error)).toEqual(['evaluate.tasks=["loss"]']);
    expect(error.hint).toContain(`'evaluate.tasks=["loss"]' makes it fit`);
    const changed = parseRecipe(applyOverrides(recipe, settingsOf(error)), "tiny");
    expect(await checkMemory(changed, dir, stages, machine(20))).toContain("evaluate");
  });

  it("has room for a base of a billion parameters in NF4, from the first stage to the last", async () => {
    const recipe = await onLlama(
      { hidden_size: 2048, num_hidden_layers: 16 },
      "train.quantization=nf4",
      "train.recompute=true",
      "train.microBatch=1",
      "train.sequenceLength=1024",
    );
    expect(await checkMemory(recipe, dir, stages, machine(20))).toEqual(["train", "evaluate"]);
  });

  it("leaves a base that is not there to its stage", async () => {
    const missing = tinyWith('base={"kind":"folder","path":"/nowhere/model"}');
    expect(await checkMemory(missing, dir, stages, machine(0.01))).toEqual([]);
  });
});
