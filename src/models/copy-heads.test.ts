import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { packOnce } from "../train/packing.ts";
import { Trainer } from "../train/trainer.ts";
import { architectureOf } from "./architecture.ts";
import { addCopyHeads, hasRoomForCopyHeads } from "./copy-heads.ts";
import { initModel, scratchConfig } from "./init.ts";

const base = {
  kind: "scratch" as const,
  vocabSize: 300,
  hidden: 128,
  intermediate: 128,
  layers: 2,
  heads: 4,
  kvHeads: 4,
  context: 64,
  ropeTheta: 100_000,
  copyHeads: true,
  mixture: {},
  training: {} as never,
};

// The wider model has room for a third token of context.
test.each([
  { hidden: 128, heads: 4 },
  { hidden: 192, heads: 6 },
])(
  "a few steps teach a model with copy heads to repeat random tokens, and one without next to nothing (%j)",
  async ({ hidden, heads }) => {
    const config = scratchConfig({ ...base, hidden, heads, kvHeads: heads }, 300, 1, 2);
    const random = createRandom(4);
    const repeats = (id: number) => {
      const half = Array.from({ length: 20 }, () => random.integer(3, 299));
      return {
        id: String(id),
        ids: Int32Array.from([1, ...half, ...half]),
        trained: Uint8Array.from({ length: 41 }, (_, i) => (i > 21 ? 1 : 0)),
      };
    };
    const train = Array.from({ length: 120 }, (_, i) => repeats(i));
    const held = Array.from({ length: 20 }, (_, i) => repeats(1000 + i));
    const lossAfter = async (copyHeads: boolean): Promise<number> => {
      const tensors = initModel(config, createRandom(1));
      if (copyHeads) addCopyHeads(tensors, config, createRandom(2));
      const trainer = new Trainer(
        { architecture: architectureOf(config), config, tensors, hash: "" },
        { kind: "all" },
        new Map([...tensors].map(([name, { data }]) => [name, data])),
        {
          sequenceLength: 48,
          microBatch: 20,
          beta1: 0.9,
          beta2: 0.98,
          epsilon: 1e-8,
          weightDecay: 0,
          gradientClip: 1,
          recompute: false,
        },
      );
      const batches = [...packOnce(train, 20, 48)];
      for (let step = 0; step < 60; step++)
        await trainer.train([batches[step % batches.length]!], 4e-3);
      const scored = await trainer.score(held);
      await trainer.release();
      return (
        -scored.reduce((sum, row) => sum + row.sum, 0) /
        scored.reduce((sum, row) => sum + row.tokens, 0)
      );
    };
    const [withHeads, without] = [await lossAfter(true), await lossAfter(false)];
    // Guessing among the vocabulary costs ln 297 = 5.7 nats.
    expect(without).toBeGreaterThan(4.5);
    expect(withHeads).toBeLessThan(without - 1.5);
  },
);

test("models too narrow or too shallow are told apart", () => {
  expect(hasRoomForCopyHeads(scratchConfig(base, 300, 1, 2))).toBe(true);
  expect(hasRoomForCopyHeads(scratchConfig({ ...base, layers: 1 }, 300, 1, 2))).toBe(false);
  expect(
    hasRoomForCopyHeads(scratchConfig({ ...base, hidden: 48, heads: 2, kvHeads: 2 }, 300, 1, 2)),
  ).toBe(false);
});
