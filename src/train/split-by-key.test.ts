import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { splitByKey } from "./split-by-key.ts";

const items = Array.from({ length: 70 }, (_, i) => ({ id: i, splitKey: `k${i % 10}` }));

test("items of one key stay on one side, and both sides have items", () => {
  for (const share of [0, 0.1, 0.5, 1]) {
    const { train, valid } = splitByKey(items, share, createRandom(1));
    expect(new Set([...train, ...valid])).toEqual(new Set(items));
    const keys = new Set(train.map(({ splitKey }) => splitKey));
    expect(valid.every(({ splitKey }) => !keys.has(splitKey))).toBe(true);
    expect(Math.min(train.length, valid.length)).toBeGreaterThan(0);
  }
});

test("where there is only one key, items are divided", () => {
  const single = items.slice(0, 3).map((item) => ({ ...item, splitKey: "one" }));
  expect(splitByKey(single, 0.1, createRandom(1)).valid).toHaveLength(1);
});
