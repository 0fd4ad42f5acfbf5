import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { createBander, hashShingles } from "./minhash.ts";
import { LANES, createMinimaKernel } from "./minima-wasm.ts";

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test("the kernel finds the least value of every permutation", () => {
  fc.assert(
    fc.property(
      fc.array(int32, { minLength: 1, maxLength: 40 }),
      fc.array(fc.tuple(int32, int32, int32), { minLength: LANES, maxLength: LANES }),
      (shingles, permutations) => {
        // A block that is not the first, so that an address that is ignored shows.
        const block = 5;
        const from = block + 3 * LANES;
        const { memory, minima } = createMinimaKernel(from + shingles.length);
        for (const [p, [factor, offset, least]] of permutations.entries()) {
          memory[block + p] = factor;
          memory[block + LANES + p] = offset;
          memory[block + 2 * LANES + p] = least;
        }
        memory.set(shingles, from);
        minima(4 * block, 4 * from, 4 * (from + shingles.length));
        const expected = permutations.map(([factor, offset, least]) =>
          Math.min(least, ...shingles.map((one) => (Math.imul(one, factor) + offset) | 0)),
        );
        expect([...memory.subarray(block + 2 * LANES, from)]).toEqual(expected);
      },
    ),
  );
});

const words = (count: number, seed: number): string => {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => `word${random.integer(0, 5000)}`).join(" ");
};

test("keys are those of a set: neither order nor repetition counts, also beyond one turn of the kernel", () => {
  const bander = createBander(3, 5, createRandom(1));
  const shingles = hashShingles(words(40_000, 1), 5);
  const keys = bander(shingles);
  expect(bander(shingles.toReversed())).toEqual(keys);
  expect(bander(Int32Array.from([...shingles, ...shingles.subarray(0, 20_000)]))).toEqual(keys);
  // The least values of the whole are the least of its parts: each must have been looked at.
  for (const [from, to] of [
    [0, 16_384],
    [16_384, 32_768],
    [32_768, 40_000],
  ] as const)
    expect(bander(shingles.subarray(from, to))).not.toEqual(keys);
  expect(bander(hashShingles("other words than those", 5))).not.toEqual(keys);
});

test("two texts share a band as often as the formula says", () => {
  const [bands, rows] = [4, 2];
  // Of 150 shingles 100 are shared: similarity 0.5.
  const expected = 1 - (1 - 0.5 ** rows) ** bands;
  let shared = 0;
  const trials = 800;
  const random = createRandom(7);
  const draw = (): number => random.integer(0, 2 ** 31) * 2 - 2 ** 31;
  for (let trial = 0; trial < trials; trial++) {
    const bander = createBander(bands, rows, createRandom(trial));
    const common = Array.from({ length: 100 }, draw);
    const with50 = (): Int32Array =>
      Int32Array.from([...common, ...Array.from({ length: 50 }, draw)]);
    const [a, b] = [bander(with50()), bander(with50())];
    if (a.some((key, band) => key === b[band])) shared++;
  }
  // Four standard deviations of a binomial.
  const tolerance = 4 * Math.sqrt((expected * (1 - expected)) / trials);
  expect(Math.abs(shared / trials - expected)).toBeLessThan(tolerance);
});

test("keys are the same in every release: datasets depend on them", () => {
  const keys = createBander(
    3,
    5,
    createRandom(1),
  )(hashShingles("The river rose a foot in the night", 5));
  expect([...keys]).toEqual([1284076057, 330290718, -402776220]);
});
