import { expect, test } from "vitest";
import { randomExample } from "../../test/fakes/tiny-model.ts";
import { PackedExamples } from "./packed-examples.ts";

test("every example comes back as it went in, beyond the first room too", () => {
  const examples = Array.from({ length: 900 }, (_, i) => randomExample(i, 1 + ((i * 7) % 211)));
  const packed = new PackedExamples();
  const early: unknown[] = [];
  for (const [i, example] of examples.entries()) {
    packed.push(example);
    if (i === 3) early.push(packed.at(3));
  }
  expect(packed.length).toBe(900);
  expect([...packed]).toEqual(examples);
  for (const i of [0, 3, 500, 899]) expect(packed.at(i)).toEqual(examples[i]);
  expect(packed.at(900)).toBeUndefined();
  // A view that was handed out before the arrays grew still holds.
  expect(early).toEqual([examples[3]]);
});
