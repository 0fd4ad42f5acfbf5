import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import tiny from "../../recipes/tiny.ts";
import type { MachineMemory } from "../core/machine-memory.ts";
import { type Recipe, applyOverrides, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { decodingMemory } from "../generate/decoding-memory.ts";
import { readConfig } from "../models/folder.ts";
import { checkAnswering } from "./answering-forecast.ts";
import { writeManifest } from "./test-run.ts";

let place: string;
/** Runs on a base of 1.2 billion parameters each, of which only the config is there. */
const runs: { recipe: Recipe; dir: RunDir }[] = [];
const CONFIG = {
  model_type: "llama",
  vocab_size: 128_256,
  hidden_size: 2048,
  intermediate_size: 8192,
  num_hidden_layers: 16,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 64,
  max_position_embeddings: 131_072,
  tie_word_embeddings: true,
};

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "twainbot-answering-"));
  for (const name of ["a", "b"]) {
    const path = join(place, name);
    await mkdir(path);
    await writeFile(join(path, "config.json"), JSON.stringify(CONFIG));
    const base = `base=${JSON.stringify({ kind: "folder", path })}`;
    const recipe = parseRecipe(applyOverrides(tiny, [base, "train.quantization=nf4"]), "tiny");
    const dir = runDir(join(place, `run-${name}`));
    await writeManifest(dir, "base");
    runs.push({ recipe, dir });
  }
});
afterAll(() => rm(place, { recursive: true, force: true }));

const machine = (gigabytes: number): MachineMemory => ({
  limit: 1e9 * gigabytes,
  available: 1e9 * gigabytes,
});
const server = { slots: 8, prefixBytes: 256e6 };

describe("checkAnswering", () => {
  test("lets a server of one base pass where it fits, however many runs share it", async () => {
    await checkAnswering(runs.slice(0, 1), server, machine(16));
    await checkAnswering([runs[0]!, runs[0]!, runs[0]!], server, machine(16));
  });

  test.each([
    ["two bases of which one would fit", 2, server, 16, /share a base/],
    [
      "a machine that has room for one conversation",
      1,
      { ...server, slots: 64 },
      12,
      /twainbot chat/,
    ],
    ["prompts that are kept", 1, { slots: 1, prefixBytes: 30e9 }, 16, /--prefix-cache 0/],
    ["a base that is too large", 1, server, 4, /choose a smaller base/],
  ])("refuses %s, with what to do", async (_name, count, answering, gigabytes, hint) => {
    await expect(
      checkAnswering(runs.slice(0, count), answering, machine(gigabytes)),
    ).rejects.toMatchObject({
      code: "generate/not-enough-memory",
      message: expect.stringMatching(/answering would take about [\d.]+ GB \((weights|caches) /),
      hint: expect.stringMatching(hint),
    });
  });

  test("leaves a run without a base to what opens it", async () => {
    const empty = { recipe: runs[0]!.recipe, dir: runDir(join(place, "nothing")) };
    await checkAnswering([empty], server, machine(0.2));
  });
});

describe("decodingMemory", () => {
  test("a packed base saves its float32 copy once the program is made, and caches grow with chats and tokens", async () => {
    const model = await readConfig(join(place, "a"));
    const shape = { model, adapted: 0, slots: 4, tokens: 1024 };
    const [opening, running] = decodingMemory({ ...shape, quantization: "nf4" });
    const [plainOpening, plainRunning] = decodingMemory(shape);
    expect(opening!.weights).toBeGreaterThan(plainOpening!.weights);
    expect(running!.weights).toBeLessThan(0.75 * plainRunning!.weights);
    for (const more of [{ slots: 8 }, { tokens: 2048 }]) {
      const larger = decodingMemory({ ...shape, ...more })[1]!;
      expect(larger.caches).toBe(2 * plainRunning!.caches);
      expect(larger.activations).toBeGreaterThan(plainRunning!.activations);
    }
  });
});
