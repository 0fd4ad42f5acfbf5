import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { gradientNorm, gradientScale, updateGroups } from "./update.ts";

type Entry = [name: string, shape: readonly number[]];

/** A model's tensors: some before the layers, in each layer the same, some after. */
const model = fc
  .record({
    layers: fc.integer({ min: 0, max: 9 }),
    inLayer: fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })), {
      maxLength: 4,
    }),
    others: fc.integer({ min: 0, max: 2 }),
  })
  .map(
    ({ layers, inLayer, others }) =>
      new Map<string, readonly number[]>([
        ...Array.from({ length: others }, (_, i): Entry => [`table${i}`, [7 + i, 2]]),
        ...Array.from({ length: layers }, (_, layer) =>
          inLayer.map((shape, i): Entry => [`model.layers.${layer}.m${i}.lora_B.weight`, shape]),
        ).flat(),
        ["norm", [3]],
      ]),
  );

describe("groups of an optimizer's step", () => {
  test("hold every tensor once, in order, with its own rule, and no more numbers than allowed but in one layer", () => {
    fc.assert(
      fc.property(model, fc.integer({ min: 1, max: 120 }), (shapes, numbers) => {
        const groups = updateGroups(shapes, new Set(["table0"]), numbers);
        expect(groups.flatMap(({ names }) => names)).toEqual([...shapes.keys()]);
        for (const { names, rules } of groups) {
          names.forEach((name, i) => {
            expect(rules[i]!.shape).toEqual(shapes.get(name));
            expect(rules[i]!.orthogonal).toBe(name === "table0");
            expect(rules[i]!.fast).toBe(name.includes("lora_B"));
          });
          const layers = new Set(names.map((name) => /layers\.(\d+)/.exec(name)?.[1] ?? name));
          const size = rules.reduce((sum, { shape }) => sum + shape[0]! * (shape[1] ?? 1), 0);
          expect(layers.size === 1 || size <= numbers).toBe(true);
        }
      }),
    );
  });

  test("have one key where one program serves them", () => {
    fc.assert(
      fc.property(model, fc.integer({ min: 1, max: 120 }), (shapes, numbers) => {
        const rulesOf = new Map<string, string>();
        for (const { key, rules } of updateGroups(shapes, new Set(), numbers)) {
          const text = JSON.stringify(rules);
          expect(rulesOf.get(key) ?? text).toBe(text);
          rulesOf.set(key, text);
        }
      }),
    );
  });

  test("layers that are alike need two programs at most: full groups and a last one", () => {
    const shapes = new Map(
      Array.from({ length: 16 }, (_, layer) => [`model.layers.${layer}.a`, [4, 5]] as const),
    );
    const groups = updateGroups(shapes, new Set(), 100);
    expect(groups.map(({ names }) => names.length)).toEqual([5, 5, 5, 1]);
    expect(new Set(groups.map(({ key }) => key)).size).toBe(2);
  });
});

test("the norm is over all gradients; the scale makes a mean and clips it", () => {
  const norm = gradientNorm([Float32Array.of(3, 4), Float32Array.of(12)]);
  expect(norm).toBe(13);
  expect(gradientScale(norm, 4, 0)).toBe(1 / 4);
  expect(gradientScale(norm, 4, 100)).toBe(1 / 4);
  expect(gradientScale(norm, 4, 1) * norm).toBeCloseTo(1, 5);
});
