import fc from "fast-check";
import { expect, test } from "vitest";
import { PrefixCache } from "./prefix-cache.ts";

const FLOATS = 3;
/** Entries of three floats a token. */
const put = (cache: PrefixCache, key: string, tokens: number[]): void =>
  cache.put(key, tokens, 4 * FLOATS * tokens.length, () =>
    Float32Array.from({ length: FLOATS * tokens.length }, (_, i) => tokens[i % tokens.length]!),
  );
const sizeOf = (tokens: number): number => 4 * (FLOATS + 1) * tokens;

test("finds the longest common beginning, never the whole prompt, never under another key", () => {
  const cache = new PrefixCache(1000);
  put(cache, "a", [1, 2, 3, 4]);
  put(cache, "a", [1, 2, 9]);
  expect(cache.find("a", [1, 2, 3, 7, 7])).toMatchObject({ tokens: 4, count: 3 });
  expect(cache.find("a", [1, 2, 9, 7])).toMatchObject({ tokens: 3, count: 3 });
  expect(cache.find("a", [1, 2, 3, 4])).toMatchObject({ count: 3 });
  expect(cache.find("a", [1])).toBeUndefined();
  expect(cache.find("a", [2, 1])).toBeUndefined();
  expect(cache.find("b", [1, 2, 3, 4, 5])).toBeUndefined();
});

test("what was used least lately goes first; what is too large is not even copied", () => {
  const cache = new PrefixCache(2 * sizeOf(3));
  put(cache, "a", [1, 1, 1]);
  put(cache, "a", [2, 2, 2]);
  cache.find("a", [1, 1, 5]);
  put(cache, "a", [3, 3, 3]);
  expect(cache.find("a", [2, 2, 2, 2])).toBeUndefined();
  expect(cache.find("a", [1, 1, 1, 1])).toBeDefined();
  cache.put("a", [5], 4000, () => {
    throw new Error("copied");
  });
});

test("an entry takes the place of its own beginning, and is not kept twice", () => {
  const cache = new PrefixCache(1000);
  put(cache, "a", [1, 2]);
  put(cache, "b", [1, 2]);
  put(cache, "a", [1, 2, 3]);
  put(cache, "a", [1, 2]);
  expect(cache.bytes).toBe(sizeOf(3) + sizeOf(2));
});

test("whatever is put and found, the bytes stay within the limit and a hit is what was put", () => {
  const tokens = fc.array(fc.nat(2), { minLength: 1, maxLength: 8 });
  const step = fc.record({ key: fc.constantFrom("a", "b"), tokens, put: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 0, max: 400 }),
      (steps, limit) => {
        const cache = new PrefixCache(limit);
        const kept: Record<string, number[][]> = { a: [], b: [] };
        for (const { key, tokens: ids, put: write } of steps) {
          if (write) {
            put(cache, key, ids);
            kept[key]!.push(ids);
          } else {
            const hit = cache.find(key, ids);
            if (!hit) continue;
            expect(hit.count).toBeLessThan(ids.length);
            const begins = [...hit.saved.subarray(0, hit.count)];
            expect(begins).toEqual(ids.slice(0, hit.count));
            expect(kept[key]!.some((one) => one.join().startsWith(begins.join()))).toBe(true);
          }
          expect(cache.bytes).toBeLessThanOrEqual(limit);
        }
      },
    ),
  );
});
