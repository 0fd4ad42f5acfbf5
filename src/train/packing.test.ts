import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import type { Example } from "../tokenizer/example.ts";
import { createMixture } from "./mixture.ts";
import { type PackedBatch, packOnce, packStream } from "./packing.ts";

/** Token ids tell example and position, so that every slot can be traced back. */
function example(index: number, length: number, trainedEvery = 2): Example {
  return {
    id: `e${index}`,
    ids: Int32Array.from({ length }, (_, i) => index * 1000 + i),
    trained: Uint8Array.from({ length }, (_, i) => (i > 0 && i % trainedEvery === 0 ? 1 : 0)),
  };
}

const lengths = fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 1, maxLength: 40 });

/** What a batch trains, as "token before → token". */
const trainedPairs = (batch: PackedBatch): string[] =>
  batch.predictors.map((at, i) => `${batch.ids[at]}→${batch.targets[i]}`);

describe("packing", () => {
  test("loses nothing, doubles nothing, and trains what was to be trained", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 4 }), (sizes, rows) => {
        const examples = sizes.map((size, i) => example(i + 1, size));
        const batches = [...packOnce(examples, rows, 32)];
        const placed = batches.flatMap((batch) => batch.placements.map((at) => at.example.id));
        expect(placed.toSorted()).toEqual(examples.map(({ id }) => id).toSorted());
        const expected = examples.flatMap(({ ids, trained }) =>
          [...ids].flatMap((id, i) => (trained[i] ? [`${id - 1}→${id}`] : [])),
        );
        // The id before is always the id minus one: no example predicts the first token of the next.
        expect(batches.flatMap(trainedPairs).toSorted()).toEqual(expected.toSorted());
      }),
    );
  });

  test("positions restart, and each example is a segment of its own", () => {
    fc.assert(
      fc.property(lengths, (sizes) => {
        const examples = sizes.map((size, i) => example(i + 1, size));
        for (const batch of packOnce(examples, 2, 32)) {
          const seen = new Map<string, bigint>();
          for (const { example: placed, row, start } of batch.placements) {
            for (let i = 0; i < placed.ids.length; i++) {
              const at = row * 32 + start + i;
              expect(batch.ids[at]).toBe(BigInt(placed.ids[i]!));
              expect(batch.positions[at]).toBe(BigInt(i));
              const key = `${row}:${batch.segments[at]}`;
              expect(seen.get(key) ?? BigInt(placed.ids[0]!)).toBe(BigInt(placed.ids[0]!));
              seen.set(key, BigInt(placed.ids[0]!));
            }
          }
        }
      }),
    );
  });

  test("an endless stream fills its rows and gives every example its turn", () => {
    const random = createRandom(1);
    const examples = Array.from({ length: 200 }, (_, i) => example(i + 1, random.integer(5, 120)));
    let served = 0;
    const stream = packStream(() => examples[served++ % examples.length]!, 8, 256);
    const seen = new Set<string>();
    let used = 0;
    for (let i = 0; i < 20; i++) {
      const batch: PackedBatch = stream.next().value;
      for (const { example: placed } of batch.placements) seen.add(placed.id);
      used += batch.placements.reduce((sum, at) => sum + at.example.ids.length, 0);
    }
    expect(used / (20 * 8 * 256)).toBeGreaterThan(0.95);
    expect(seen.size).toBe(200);
  });

  test("an endless stream trains the tokens that were to be trained, each as often as it is placed", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 4 }), (sizes, rows) => {
        const examples = sizes.map((size, i) => example(i + 1, size));
        let served = 0;
        const stream = packStream(() => examples[served++ % examples.length]!, rows, 32);
        for (let i = 0; i < 4; i++) {
          const batch = stream.next().value;
          const wanted = batch.placements.flatMap(({ example: { ids, trained } }) =>
            [...ids].flatMap((id, at) => (trained[at] ? [`${id - 1}→${id}`] : [])),
          );
          expect(trainedPairs(batch).toSorted()).toEqual(wanted.toSorted());
        }
      }),
    );
  });

  test("the first token of an example is never predicted, even where it is marked as trained", () => {
    const marked = [1, 2, 3].map((index) => {
      const made = example(index, 5);
      return { ...made, trained: made.trained.with(0, 1) };
    });
    const [batch] = packOnce(marked, 1, 32);
    expect(batch!.placements).toHaveLength(3);
    expect(batch!.targets.filter((id) => id % 1000 === 0)).toEqual([]);
  });

  test("a row that does not fit is an error, never cut", () => {
    expect(() => [...packOnce([example(1, 33)], 1, 32)]).toThrow(/33 tokens/);
  });
});

describe("the mixture", () => {
  const byDomain = new Map([
    ["tool", Array.from({ length: 50 }, (_, i) => example(i, 20))],
    ["humour", Array.from({ length: 50 }, (_, i) => example(100 + i, 5))],
  ]);

  test("serves tokens by their weights, and every example of an epoch once", () => {
    const next = createMixture(byDomain, { tool: 3, humour: 1 }, createRandom(1));
    const tokens = { tool: 0, humour: 0 };
    const firstEpoch: string[] = [];
    for (let i = 0; i < 2000; i++) {
      const { id, ids } = next();
      const domain = ids.length === 20 ? "tool" : "humour";
      tokens[domain] += ids.length;
      if (domain === "tool" && firstEpoch.length < 50) firstEpoch.push(id);
    }
    expect(tokens.tool / (tokens.tool + tokens.humour)).toBeCloseTo(0.75, 2);
    expect(new Set(firstEpoch).size).toBe(50);
  });

  test("the same seed gives the same stream", () => {
    const draw = (seed: number): string[] => {
      const next = createMixture(byDomain, { tool: 1, humour: 1 }, createRandom(seed));
      return Array.from({ length: 100 }, () => next().id);
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  test("a weighted domain without rows is an error", () => {
    expect(() => createMixture(byDomain, { tool: 1, literary: 1 }, createRandom(1))).toThrow(
      /literary/,
    );
  });
});
