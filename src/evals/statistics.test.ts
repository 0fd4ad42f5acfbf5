import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { type Part, bootstrap, mcNemar, pairedDifference, wilson } from "./statistics.ts";

const shares = (hits: readonly number[]): Part[] => hits.map((top) => ({ top, bottom: 1 }));
const options = (seed = 1): { rounds: number; random: ReturnType<typeof createRandom> } => ({
  rounds: 2000,
  random: createRandom(seed),
});

describe("Wilson", () => {
  test("known values", () => {
    // Newcombe (1998), table I: 81 of 263 and 15 of 148, 0 of 20, 1 of 29.
    for (const [hits, n, low, high] of [
      [81, 263, 0.2553, 0.3662],
      [15, 148, 0.0624, 0.1605],
      [0, 20, 0, 0.1611],
      [1, 29, 0.0061, 0.1718],
    ] as const) {
      const interval = wilson(hits, n);
      expect(interval.low).toBeCloseTo(low, 4);
      expect(interval.high).toBeCloseTo(high, 4);
    }
    expect(wilson(0, 0)).toMatchObject({ low: 0, high: 1 });
  });

  test("holds the share, stays within 0 and 1, mirrors, and narrows with n", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, share) => {
          const hits = Math.round(share * n);
          const { value, low, high } = wilson(hits, n);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(value);
          expect(high).toBeGreaterThanOrEqual(value);
          expect(wilson(n - hits, n).low).toBeCloseTo(1 - high, 10);
          const wider = wilson(hits * 4, n * 4);
          expect(wider.high - wider.low).toBeLessThan(high - low);
        },
      ),
    );
  });
});

describe("bootstrap", () => {
  test("agrees with the normal interval of a mean", () => {
    const random = createRandom(3);
    const values = Array.from({ length: 400 }, () => 5 + 2 * random.normal());
    const mean = values.reduce((a, b) => a + b) / 400;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 399);
    const interval = bootstrap(shares(values), options());
    expect(interval.value).toBeCloseTo(mean, 10);
    expect(interval.low).toBeCloseTo(mean - (1.96 * deviation) / 20, 1);
    expect(interval.high).toBeCloseTo(mean + (1.96 * deviation) / 20, 1);
  });

  test("covers the truth about 95 times in a hundred", () => {
    const random = createRandom(5);
    let covered = 0;
    for (let trial = 0; trial < 200; trial++) {
      const hits = Array.from({ length: 100 }, () => (random.next() < 0.3 ? 1 : 0));
      const { low, high } = bootstrap(shares(hits), { rounds: 300, random });
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(covered).toBeGreaterThan(175);
    expect(covered).toBeLessThan(200);
  });

  test("weighs a ratio by its bottoms, and shapes it", () => {
    const parts = [
      { top: 10, bottom: 10 },
      { top: 60, bottom: 20 },
    ];
    expect(bootstrap(parts, options()).value).toBeCloseTo(70 / 30);
    expect(bootstrap(parts, { ...options(), shape: Math.exp }).value).toBeCloseTo(
      Math.exp(70 / 30),
    );
  });

  test("one seed, one interval", () => {
    const parts = shares([0, 1, 1, 0, 1, 0, 0]);
    expect(bootstrap(parts, options(9))).toEqual(bootstrap(parts, options(9)));
  });
});

describe("paired difference", () => {
  test("a constant gain has no spread, however much items differ", () => {
    const from = shares([1, 50, 3, 900, 2]);
    const to = shares([2, 51, 4, 901, 3]);
    const { value, low, high } = pairedDifference(from, to, options());
    for (const number of [value, low, high]) expect(number).toBeCloseTo(1, 9);
  });

  test("is anti-symmetric, and nil against itself", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })), {
          minLength: 1,
          maxLength: 40,
        }),
        (pairs) => {
          const a = shares(pairs.map(([x]) => x));
          const b = shares(pairs.map(([, y]) => y));
          const there = pairedDifference(a, b, { rounds: 200, random: createRandom(1) });
          const back = pairedDifference(b, a, { rounds: 200, random: createRandom(1) });
          expect(there.value).toBeCloseTo(-back.value, 12);
          expect(pairedDifference(a, a, options())).toEqual({ value: 0, low: 0, high: 0 });
        },
      ),
      { numRuns: 30 },
    );
  });

  test("lists that do not pair are an error", () => {
    expect(() => pairedDifference(shares([1]), shares([1, 0]), options())).toThrow();
  });
});

test("McNemar's exact test: known values, symmetry, and no underflow", () => {
  expect(mcNemar(0, 0)).toBe(1);
  expect(mcNemar(5, 0)).toBeCloseTo(0.0625, 10);
  expect(mcNemar(1, 9)).toBeCloseTo(0.021484375, 10);
  expect(mcNemar(3, 17)).toBeCloseTo(0.002577, 6);
  expect(mcNemar(10, 10)).toBe(1);
  expect(mcNemar(2000, 2000)).toBeGreaterThan(0.98);
  expect(mcNemar(2200, 1800)).toBeLessThan(1e-8);
  fc.assert(
    fc.property(
      fc.nat(300),
      fc.nat(300),
      (a, b) => mcNemar(a, b) === mcNemar(b, a) && mcNemar(a, b) > 0 && mcNemar(a, b) <= 1,
    ),
  );
});
