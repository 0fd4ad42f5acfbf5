import { expect, test } from "vitest";
import { balanceRows, leaveOutOverShare } from "./balance.ts";
import { REMOVED } from "./split.ts";

const shares = { literary: 0.4, humour: 0.3, tool: 0.2, hybrid: 0.1 };
const rows = (counts: Record<string, number>): string[] =>
  Object.entries(counts).flatMap(([domain, count]) => Array.from({ length: count }, () => domain));

test("the scarcest kind decides, and every kind has its share of what stays", () => {
  const domains = rows({
    literary: 900,
    tool: 200,
    "no-tool": 100,
    humour: 500,
    hybrid: 60,
    text: 5,
  });
  const { stays, scarcest } = balanceRows(domains, shares, 1);
  expect(scarcest).toEqual({ kind: "hybrid", rows: 60 });
  const left = (names: readonly string[]): number =>
    domains.filter((name, i) => stays[i] === 1 && names.includes(name)).length;
  expect(left(["hybrid"])).toBe(60);
  expect(left(["literary"])).toBe(240);
  expect(left(["humour"])).toBe(180);
  expect(left(["tool", "no-tool"])).toBe(120);
  expect(left(["text"])).toBe(5);
  expect(balanceRows(domains, shares, 1).stays).toEqual(stays);
  expect(balanceRows(domains, shares, 2).stays).not.toEqual(stays);
});

test("rows that were taken out before are neither counted nor drawn again", () => {
  const domains = rows({ literary: 40, humour: 40, tool: 40, hybrid: 20, text: 3 });
  const sides = new Uint8Array(domains.length);
  const hybrid = domains.indexOf("hybrid");
  for (let i = hybrid; i < hybrid + 15; i++) sides[i] = REMOVED;
  const { left, notice } = leaveOutOverShare(
    domains.map((domain) => ({ domain })),
    sides,
    shares,
    1,
  );
  const stay = (name: string): number =>
    domains.filter((domain, i) => domain === name && sides[i] === 0).length;
  expect(["literary", "humour", "tool", "hybrid", "text"].map(stay)).toEqual([20, 15, 10, 5, 3]);
  expect(left).toHaveLength(20 + 25 + 30);
  expect(left.every((line) => sides[line] === REMOVED)).toBe(true);
  expect(notice).toMatch(/^hybrid is the scarcest kind: its 5 rows .* 10 % .* 75 of 128 rows/);
});

test("nothing is told where nothing is left out", () => {
  const domains = rows({ literary: 40, humour: 30, tool: 20, hybrid: 10 });
  const kept = leaveOutOverShare(
    domains.map((domain) => ({ domain })),
    new Uint8Array(domains.length),
    shares,
    1,
  );
  expect(kept).toEqual({ left: [] });
});
