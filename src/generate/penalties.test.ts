import fc from "fast-check";
import { expect, test } from "vitest";
import { createPenalties } from "./penalties.ts";

test("the numbers of transformers: positive logits divided, others multiplied, once each, over prompt and answer", () => {
  const penalties = createPenalties([0, 1, 1], { repetitionPenalty: 2 });
  const logits = Float32Array.from([3, -3, 0.5, -0.5, 0]);
  expect([...penalties.apply(logits)]).toEqual([1.5, -6, 0.5, -0.5, 0]);
  penalties.push(3);
  penalties.push(3);
  expect([...penalties.apply(logits)]).toEqual([1.5, -6, 0.5, -1, 0]);
  expect([...logits]).toEqual([3, -3, 0.5, -0.5, 0]);
});

test("frequency and presence count the answer only", () => {
  const penalties = createPenalties([0], { frequencyPenalty: 0.5, presencePenalty: 1 });
  const logits = Float32Array.from([1, 1, 1]);
  expect([...penalties.apply(logits)]).toEqual([1, 1, 1]);
  for (const token of [1, 2, 2]) penalties.push(token);
  expect([...penalties.apply(logits)]).toEqual([1, -0.5, -1]);
});

test("neutral settings are the very logits; a ruled-out token stays ruled out", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(9)),
      fc.float({ min: Math.fround(0.5), max: 3, noNaN: true }),
      (seen, penalty) => {
        const logits = Float32Array.from({ length: 10 }, (_, i) => (i === 4 ? -Infinity : i - 5));
        const off = createPenalties(seen, { repetitionPenalty: 1, frequencyPenalty: 0 });
        const on = createPenalties(seen, { repetitionPenalty: penalty, presencePenalty: -2 });
        for (const token of seen) {
          off.push(token);
          on.push(token);
        }
        expect(off.apply(logits)).toBe(logits);
        expect(on.apply(logits)[4]).toBe(-Infinity);
      },
    ),
  );
});
