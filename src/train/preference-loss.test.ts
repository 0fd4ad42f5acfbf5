import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../core/package-root.ts";
import { compile } from "../engine/index.ts";
import { readModel } from "../models/folder.ts";
import { readAdapter } from "../models/peft.ts";
import { readSafetensors } from "../models/safetensors.ts";
import type { Example } from "../tokenizer/example.ts";
import { type Pair, meanPreferenceLoss, packPairs, preferenceLoss } from "./preference-loss.ts";
import { scorePairs } from "./preference-data.ts";
import { Trainer } from "./trainer.ts";

const golden = join(packageRoot(), "test", "golden");
const model = await readModel(join(golden, "lora", "base"));
const adapter = await readAdapter(join(golden, "lora", "plain"), model);
const { tensors: expected } = await readSafetensors(join(golden, "dpo.safetensors"));
const trained = { kind: "lora", modules: adapter.modules } as const;
const beta = 0.3;
const config = {
  sequenceLength: 16,
  microBatch: 2,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 0,
  gradientClip: 0,
  recompute: false,
};

const side = (prompt: number[], completion: number[]): Example => ({
  id: "side",
  ids: Int32Array.from([...prompt, ...completion]),
  trained: Uint8Array.from([...prompt.map(() => 0), ...completion.map(() => 1)]),
});
// Those of test/golden/make-dpo.py.
const rows = [
  { prompt: [3, 17, 5], chosen: [22, 9, 1], rejected: [14, 8, 2, 11] },
  { prompt: [7], chosen: [6, 20], rejected: [4] },
  { prompt: [12, 13, 10, 21], chosen: [2], rejected: [18, 19, 23] },
];
const references = expected.get("reference")!.data;
const pairs = rows.map(({ prompt, chosen, rejected }, i): Pair => ({
  id: `pair-${i}`,
  chosen: side(prompt, chosen),
  rejected: side(prompt, rejected),
  reference: { chosen: references[2 * i]!, rejected: references[2 * i + 1]! },
}));
/** The pairs in turn, for ever. */
function inTurn(list: readonly Pair[]): () => Pair {
  let at = 0;
  return () => list[at++ % list.length]!;
}

describe("the loss of preferences", () => {
  test("and its gradients are those of TRL's own trainer", async () => {
    const objective = preferenceLoss(pairs, beta);
    const batch = packPairs(inTurn(pairs), 3, 14).next().value;
    expect(batch.placements).toHaveLength(6);
    const shape = { rows: 3, length: 14, predictors: 20 };
    const graph = objective.graph(model, trained, shape, { recompute: false });
    const program = await compile(graph);
    const trainer = new Trainer(model, trained, adapter.tensors, { ...config, sequenceLength: 14 });
    const feeds = { ...trainer.feeds(batch, shape), ...objective.feeds(batch, shape) };
    const found = await program.run(feeds);
    await program.release();
    await trainer.release();
    const rewards = expected.get("rewards")!.data;
    const total = (name: string): number => Number(found[name]!.data[0]);
    expect(total("loss")).toBeCloseTo(expected.get("loss")!.data[0]!, 5);
    expect(total("rewardChosen")).toBeCloseTo(rewards[0]! + rewards[2]! + rewards[4]!, 4);
    expect(total("rewardRejected")).toBeCloseTo(rewards[1]! + rewards[3]! + rewards[5]!, 4);
    expect(total("margin")).toBeCloseTo(total("rewardChosen") - total("rewardRejected"), 4);
    expect(total("accuracy")).toBe([0, 2, 4].filter((i) => rewards[i]! > rewards[i + 1]!).length);
    const gradients = [...expected].filter(([name]) => name.startsWith("d_"));
    expect(gradients).toHaveLength(28);
    for (const [name, { data }] of gradients) {
      const own = found[name]!.data;
      const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - Number(own[i]))), 0);
      const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      expect(worst / largest, name).toBeLessThan(2e-5);
    }
  });

  test("of pairs that are scored is the same, from a reference it is ln 2, and training lowers it", async () => {
    const start = new Trainer(model, trained, adapter.tensors, config);
    const { signal } = new AbortController();
    const scores = await scorePairs(start, pairs, signal);
    await start.release();
    expect(meanPreferenceLoss(pairs, scores, beta)).toBeCloseTo(
      expected.get("loss")!.data[0]! / 3,
      5,
    );
    const own = pairs.map((pair, i) => ({ ...pair, reference: scores[i]! }));
    const trainer = new Trainer(model, trained, adapter.tensors, config, {
      objective: preferenceLoss(own, beta),
    });
    const batch = packPairs(inTurn(own), 2, 16).next().value;
    const first = await trainer.train([batch], 1e-2);
    expect(first.loss).toBeCloseTo(Math.LN2, 4);
    for (let step = 0; step < 10; step++) await trainer.train([batch], 1e-2);
    const last = await trainer.train([batch], 1e-2);
    expect(last.loss).toBeLessThan(0.5 * Math.LN2);
    expect(last.metrics["accuracy"]).toBe(1);
    expect(last.metrics["margin"]).toBeGreaterThan(0.5);
    await trainer.release();
  });
});

test("batches hold whole pairs, one after the other, and as many as fit", () => {
  const next = inTurn(pairs);
  const batches = packPairs(next, 2, 12);
  const seen: Example[] = [];
  for (let i = 0; i < 8; i++) {
    const { placements } = batches.next().value;
    expect(placements.length % 2).toBe(0);
    const ends = new Map<number, number>();
    for (const { example, row, start } of placements) {
      expect(start).toBe(ends.get(row) ?? 0);
      ends.set(row, start + example.ids.length);
      seen.push(example);
    }
    for (const end of ends.values()) expect(end).toBeLessThanOrEqual(12);
  }
  const again = inTurn(pairs);
  const wanted = Array.from({ length: seen.length / 2 }, again);
  expect(seen).toEqual(wanted.flatMap(({ chosen, rejected }) => [chosen, rejected]));
  expect(seen.length).toBeGreaterThan(16);
});
