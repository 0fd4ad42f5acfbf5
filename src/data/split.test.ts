import fc from "fast-check";
import { expect, test } from "vitest";
import { SIDES, type SplitRow, splitRows } from "./split.ts";

const shares = { valid: 0.03, test: 0.05 };

test("no key is on two sides, whatever the rows; the same seed gives the same sides in any order of rows", () => {
  const row = fc.record({
    key: fc.nat(40).map((n) => `k${n}`),
    group: fc.constantFrom("literary|g|twain", "humour|r|neutral", "tool|e|twain"),
  });
  fc.assert(
    fc.property(fc.array(row, { minLength: 150, maxLength: 300 }), fc.nat(5), (rows, seed) => {
      const sides = splitRows(rows, shares, seed);
      const byKey = new Map<string, number>();
      for (const [i, { key }] of rows.entries()) {
        expect(byKey.get(key) ?? sides[i]).toBe(sides[i]);
        byKey.set(key, sides[i]!);
      }
      const reversed = splitRows(rows.toReversed(), shares, seed);
      expect([...reversed].toReversed()).toEqual([...sides]);
    }),
  );
});

test("each group gives its share of every side, and a group of two keys gives none", () => {
  const works = Array.from({ length: 9 }, (_, w): SplitRow[] =>
    Array.from({ length: 700 + w * 150 }, () => ({
      key: `gutenberg:${w}`,
      group: "literary|gutenberg|twain",
    })),
  ).flat();
  const franklin = Array.from({ length: 600 }, (_, i): SplitRow => ({
    key: i % 6 ? "gutenberg:148" : "gutenberg:20203",
    group: "literary|gutenberg|franklin",
  }));
  const headlines = Array.from({ length: 5000 }, (_, i): SplitRow => ({
    key: `reddit:${i}`,
    group: "humour|reddit|twain",
  }));
  const rows = [...works, ...franklin, ...headlines];
  const sides = splitRows(rows, shares, 1);
  const share = (group: string, side: string): number => {
    const own = rows.flatMap((row, i) => (row.group === group ? [sides[i]!] : []));
    return own.filter((value) => SIDES[value] === side).length / own.length;
  };
  expect(share("humour|reddit|twain", "test")).toBeCloseTo(0.05, 2);
  expect(share("humour|reddit|twain", "valid")).toBeCloseTo(0.03, 2);
  expect(share("literary|gutenberg|franklin", "train")).toBe(1);
  for (const side of ["valid", "test"]) {
    // Whole works are coarse: one of nine is a tenth.
    expect(share("literary|gutenberg|twain", side)).toBeGreaterThan(0.04);
    expect(share("literary|gutenberg|twain", side)).toBeLessThan(0.13);
  }
});

test("a key that names its side is on it", () => {
  const rows = ["train:a", "valid:b", "test:c", "free"].map((key) => ({ key, group: "g" }));
  expect([...splitRows(rows, shares, 1)].map((side) => SIDES[side])).toEqual([
    "train",
    "valid",
    "test",
    "train",
  ]);
});

test("a side without rows is an error unless nobody asked for it", () => {
  const rows = [{ key: "only", group: "g" }];
  expect(() => splitRows(rows, shares, 1)).toThrow(
    expect.objectContaining({ code: "data/empty-split" }) as Error,
  );
  expect([...splitRows(rows, { valid: 0, test: 0 }, 1)]).toEqual([0]);
});
