import fc from "fast-check";
import { expect, it } from "vitest";
import tiny from "../../recipes/tiny.ts";
import { parseRecipe } from "../core/recipe.ts";
import type { Example } from "../tokenizer/example.ts";
import { lengthFacts } from "./dataset-facts.ts";

const config = { ...parseRecipe(tiny, "tiny").train, sequenceLength: 64, microBatch: 3 };

const example = (length: number, i: number): Example => ({
  id: `row-${i}`,
  ids: new Int32Array(length),
  trained: Uint8Array.from({ length }, (_, at) => at % 2),
});

it("every row is in one bin, and in one place of one batch", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 60 }),
      (sizes) => {
        const facts = lengthFacts(sizes.map(example), config);
        const fitting = sizes.filter((size) => size <= 64);
        expect(facts.histogram.reduce((sum, { rows }) => sum + rows, 0)).toBe(sizes.length);
        expect(facts.rows + facts.tooLong).toBe(sizes.length);
        expect(facts.rows).toBe(fitting.length);
        expect([facts.lost, facts.twice]).toEqual([0, 0]);
        expect(facts.tokens).toBe(fitting.reduce((a, b) => a + b, 0));
        expect(facts.packing).toBeLessThanOrEqual(1);
        if (fitting.length > 0) expect(facts.packing).toBeGreaterThan(0);
      },
    ),
    { numRuns: 50 },
  );
});

it("counts a row that is there twice as two rows, and the same object as one put in twice", () => {
  const [row] = [40].map(example);
  expect(lengthFacts([row!, example(40, 1)], config)).toMatchObject({ rows: 2, twice: 0 });
  expect(lengthFacts([row!, row!], config)).toMatchObject({ rows: 2, twice: 1 });
});
