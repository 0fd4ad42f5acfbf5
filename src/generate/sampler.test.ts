import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { sample } from "./sampler.ts";

const row = fc.float32Array({ minLength: 1, maxLength: 30, min: -20, max: 20, noNaN: true });
const count = (
  logits: Float32Array,
  options: Parameters<typeof sample>[1],
  n = 20_000,
): number[] => {
  const random = createRandom(7);
  const hits = Array.from(logits, () => 0);
  for (let i = 0; i < n; i++) hits[sample(logits, options, random)]!++;
  return hits.map((hit) => hit / n);
};

test("greedy takes the first of the largest, whatever the random numbers", () => {
  fc.assert(
    fc.property(row, fc.integer(), (logits, seed) => {
      const best = sample(logits, { temperature: 0, topP: 1 }, createRandom(seed));
      expect(best).toBe(logits.indexOf(Math.max(...logits)));
    }),
  );
});

test("frequencies are the softmax at the given temperature", () => {
  const logits = Float32Array.from([1, 2, 3, -1]);
  const exp = Array.from(logits, (value) => Math.exp(value / 0.7));
  const total = exp.reduce((a, b) => a + b);
  count(logits, { temperature: 0.7, topP: 1 }).forEach((share, i) =>
    expect(Math.abs(share - exp[i]! / total)).toBeLessThan(0.015),
  );
});

test("top-p keeps the smallest set that reaches p; top-k the k largest", () => {
  const logits = Float32Array.from([0.5, 0.3, 0.15, 0.05].map(Math.log));
  expect(count(logits, { temperature: 1, topP: 0.8 }).map((share) => share > 0)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(count(logits, { temperature: 1, topP: 0.81 }).map((share) => share > 0)).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(count(logits, { temperature: 1, topP: 1, topK: 3 }).map((share) => share > 0)).toEqual([
    true,
    true,
    true,
    false,
  ]);
  fc.assert(
    fc.property(
      row,
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      fc.integer(),
      (logits, topP, seed) => {
        const chosen = sample(logits, { temperature: 1, topP }, createRandom(seed));
        const weights = Array.from(logits, (value) => Math.exp(value - Math.max(...logits)));
        const total = weights.reduce((a, b) => a + b);
        const above = weights
          .filter((weight) => weight > weights[chosen]!)
          .reduce((a, b) => a + b, 0);
        expect(above / total).toBeLessThan(topP + 1e-9);
      },
    ),
  );
});

/** Temperature, min-p, top-k and top-p as their papers write them, each on the renormalised rest of the one before. */
function reference(
  logits: Float32Array,
  { temperature, topP = 1, topK = 0, minP = 0 }: Parameters<typeof sample>[1],
): number[] {
  const most = Math.max(...logits);
  let p = Array.from(logits, (x) => Math.exp((x - most) / temperature));
  const normalise = (): void => {
    const total = p.reduce((a, b) => a + b);
    p = p.map((x) => x / total);
  };
  normalise();
  const least = minP * Math.max(...p);
  p = p.map((x) => (x < least ? 0 : x));
  normalise();
  const order = p.map((_, i) => i).toSorted((a, b) => p[b]! - p[a]! || a - b);
  if (topK > 0) for (const id of order.slice(topK)) p[id] = 0;
  normalise();
  let mass = 0;
  for (const id of order) {
    if (mass >= topP) p[id] = 0;
    mass += p[id]!;
  }
  normalise();
  return p;
}

test("every mixture of settings gives the distribution of a plain reference", () => {
  const random = createRandom(11);
  const draws = 1000;
  for (let round = 0; round < 80; round++) {
    const logits = Float32Array.from({ length: random.integer(1, 20) }, () => 3 * random.normal());
    const options = {
      temperature: 0.3 + 2 * random.next(),
      ...(random.next() < 0.7 && { topP: random.next() }),
      ...(random.next() < 0.7 && { topK: random.integer(-1, 8) }),
      ...(random.next() < 0.7 && { minP: random.next() ** 2 }),
    };
    // Evenly spread numbers instead of random ones: the shares are then exact to one draw a token.
    const shares = Array.from(logits, () => 0);
    for (let i = 0; i < draws; i++)
      shares[sample(logits, options, { ...random, next: () => (i + 0.5) / draws })]! += 1 / draws;
    reference(logits, options).forEach((want, id) =>
      expect(Math.abs(shares[id]! - want), JSON.stringify(options)).toBeLessThan(1.5 / draws),
    );
  }
});

test("tokens that are ruled out never come; logits stay as they were", () => {
  const logits = Float32Array.from([-Infinity, 0, -Infinity, 1]);
  const copy = logits.slice();
  const hits = count(logits, { temperature: 5, topP: 1 });
  expect(hits[0]! + hits[2]!).toBe(0);
  expect(logits).toEqual(copy);
});

test("NaN, infinity and no allowed token are errors", () => {
  const random = createRandom(1);
  for (const bad of [NaN, Infinity]) {
    expect(() => sample(Float32Array.from([0, bad]), { temperature: 0, topP: 1 }, random)).toThrow(
      expect.objectContaining({ code: "generate/bad-logits" }),
    );
  }
  expect(() => sample(Float32Array.from([-Infinity]), { temperature: 1, topP: 1 }, random)).toThrow(
    expect.objectContaining({ code: "generate/no-token" }),
  );
});
