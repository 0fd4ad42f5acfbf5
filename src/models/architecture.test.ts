/**
 * Every model family against what transformers, PEFT and torch computed for a small random model of it.
 * test/golden/README.md says how the numbers were made.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { packageRoot } from "../core/package-root.ts";
import { Decoder } from "../generate/decoder.ts";
import { type Model, readModel } from "./folder.ts";
import { loraModules } from "./lora.ts";
import { type Adapter, mergeAdapter, readAdapter } from "./peft.ts";
import { type StoredTensor, readSafetensors } from "./safetensors.ts";
import type { Example } from "../tokenizer/example.ts";
import { buildBatch } from "../train/packing.ts";
import { Trainer, type TrainerConfig } from "../train/trainer.ts";

const Golden = z.strictObject({
  examples: z.array(z.strictObject({ ids: z.array(z.number()), trained: z.array(z.number()) })),
  prompt: z.array(z.number()),
  generated: z.array(z.number()),
  adapterGenerated: z.array(z.number()),
  optimizer: z.strictObject({
    learningRate: z.number(),
    beta1: z.number(),
    beta2: z.number(),
    epsilon: z.number(),
    weightDecay: z.number(),
    gradientClip: z.number(),
  }),
  losses: z.array(z.number()).length(10),
  gradNorms: z.array(z.number()).length(10),
});

const TOLERANCE = 1e-4;
const LENGTH = 40;

function worst(got: ArrayLike<number>, want: ArrayLike<number>): number {
  expect(got.length).toBe(want.length);
  let most = 0;
  for (let i = 0; i < want.length; i++) most = Math.max(most, Math.abs(got[i]! - want[i]!));
  return most;
}

/** Logits `[tokens, vocab]` after each token, as the decoder's prompt graph computes them. */
async function logitsOf(model: Model, ids: readonly number[]): Promise<Float32Array> {
  const decoder = new Decoder(model, { slots: 1, contextTokens: LENGTH });
  const rows: Float32Array[] = [];
  for (const i of ids.keys()) rows.push(await decoder.prefill(ids.slice(0, i + 1), 0));
  await decoder.release();
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

async function greedy(model: Model, prompt: number[], tokens: number): Promise<number[]> {
  const decoder = new Decoder(model, { slots: 1, contextTokens: LENGTH });
  const found: number[] = [];
  let logits = await decoder.prefill(prompt, 0);
  while (found.length < tokens) {
    found.push(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))));
    [logits = new Float32Array()] = await decoder.step([found.at(-1)!]);
  }
  await decoder.release();
  return found;
}

describe.each([
  "llama",
  "llama31",
  "llama-linear-biased",
  "mistral",
  "qwen2",
  "qwen3",
  "phi3",
  "phi3-longrope",
])("%s", (name) => {
  const folder = join(packageRoot(), "test", "golden", name);
  let model: Model;
  let adapter: Adapter;
  let golden: z.infer<typeof Golden>;
  let tensors: ReadonlyMap<string, StoredTensor>;
  let examples: Example[];
  const trainers: Trainer[] = [];
  beforeAll(async () => {
    model = await readModel(folder);
    adapter = await readAdapter(join(folder, "adapter"), model);
    golden = Golden.parse(JSON.parse(await readFile(join(folder, "golden.json"), "utf8")));
    ({ tensors } = await readSafetensors(join(folder, "golden.safetensors")));
    examples = golden.examples.map(({ ids, trained }, i) => ({
      id: `${i}`,
      ids: Int32Array.from(ids),
      trained: Uint8Array.from(trained),
    }));
  });
  afterAll(() => Promise.all(trainers.map((trainer) => trainer.release())));

  const trainerWith = (more: Partial<TrainerConfig> & { recompute: boolean }): Trainer => {
    const trained = { kind: "lora", modules: adapter.modules, lora: adapter.lora } as const;
    const { learningRate: _, ...optimizer } = golden.optimizer;
    const trainer = new Trainer(model, trained, adapter.tensors, {
      sequenceLength: LENGTH,
      microBatch: 1,
      ...optimizer,
      ...more,
    });
    trainers.push(trainer);
    return trainer;
  };
  /** All examples packed into one row, where torch had one row for each. */
  const packed = (): ReturnType<typeof buildBatch> => {
    let start = 0;
    const placements = examples.map((example) => {
      const placement = { example, row: 0, start };
      start += example.ids.length;
      return placement;
    });
    return buildBatch(placements, 1, LENGTH);
  };

  test("logits, without and with PEFT's adapter", async () => {
    const ids = golden.examples[1]!.ids;
    const plain = await logitsOf(model, ids);
    expect(worst(plain, tensors.get("logits")!.data)).toBeLessThan(TOLERANCE);
    const adapted = await logitsOf(mergeAdapter(model, adapter), ids);
    expect(worst(adapted, tensors.get("adapterLogits")!.data)).toBeLessThan(TOLERANCE);
    expect(worst(plain, adapted)).toBeGreaterThan(0.1);
  });

  test("PEFT's all-linear and ours are the same modules", () => {
    const parameters = model.architecture.parameters(model.config);
    expect(adapter.modules).toEqual(
      loraModules(parameters, { ...adapter.lora, targets: "all-linear" }),
    );
  });

  test.each([false, true])("every LoRA gradient (recompute %s)", async (recompute) => {
    // Without clipping and with beta1 = 0 the first moment is the gradient of the mean loss.
    const trainer = trainerWith({ recompute, gradientClip: 0, beta1: 0 });
    await trainer.train([packed()], 1e-3);
    const gradients = trainer.state().m;
    const wanted = [...tensors].filter(([key]) => key.startsWith("gradient."));
    expect(wanted.map(([key]) => key.slice("gradient.".length)).toSorted()).toEqual(
      [...gradients.keys()].toSorted(),
    );
    for (const [key, { data }] of wanted)
      expect(worst(gradients.get(key.slice("gradient.".length))!, data), key).toBeLessThan(
        TOLERANCE,
      );
  });

  test("ten AdamW steps: losses and gradient norms", async () => {
    const trainer = trainerWith({ recompute: false });
    for (const [step, loss] of golden.losses.entries()) {
      const got = await trainer.train([packed()], golden.optimizer.learningRate);
      expect(Math.abs(got.loss - loss), `step ${step + 1}`).toBeLessThan(TOLERANCE);
      expect(Math.abs(got.gradNorm - golden.gradNorms[step]!)).toBeLessThan(10 * TOLERANCE);
    }
  });

  test("greedy generation through the cache", async () => {
    const { prompt, generated, adapterGenerated } = golden;
    expect(await greedy(model, prompt, generated.length)).toEqual(generated);
    expect(await greedy(mergeAdapter(model, adapter), prompt, generated.length)).toEqual(
      adapterGenerated,
    );
  });
});
