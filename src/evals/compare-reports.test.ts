import { expect, test } from "vitest";
import { compareReports } from "./compare-reports.ts";
import type { EvalReport, Score } from "./report.ts";

const score = (metric: string, value: number, low: number, high: number): Score => ({
  task: "tools",
  metric,
  system: "adapter",
  value,
  n: 100,
  low,
  high,
});
const report = (...scores: Score[]): EvalReport => ({
  schema: 1,
  systems: ["base", "adapter"],
  scores,
  comparisons: [],
  gates: [],
});

test("scores stand side by side; apart only where no value is in both intervals", () => {
  const pairs = compareReports(
    report(
      score("call-correct", 0.7, 0.6, 0.8),
      score("touching", 0.7, 0.6, 0.8),
      score("end-to-end", 0.1, 0.05, 0.15),
      score("gone", 1, 1, 1),
      score("outcome/wrong-place", 0.1, 0, 1),
    ),
    report(
      score("end-to-end", 0.5, 0.4, 0.6),
      score("call-correct", 0.75, 0.65, 0.85),
      score("touching", 0.85, 0.8, 0.9),
      score("new", NaN, NaN, NaN),
    ),
  );
  expect(
    pairs.map(({ metric, from, to, apart }) => [metric, from?.value, to?.value, apart]),
  ).toEqual([
    ["call-correct", 0.7, 0.75, false],
    ["touching", 0.7, 0.85, false],
    ["end-to-end", 0.1, 0.5, true],
    ["gone", 1, undefined, false],
    ["new", undefined, NaN, false],
  ]);
});

test("systems and slices are not mixed, and a share is known by its test", () => {
  const base = { ...score("call-correct", 0, 0, 0.1), system: "base" };
  const slice = { ...score("call-correct", 0.5, 0.4, 0.6), slice: "new-place" };
  const all = score("call-correct", 0.7, 0.6, 0.8);
  const from = report(base, slice, all);
  from.comparisons.push({
    task: "tools",
    metric: "call-correct",
    from: "base",
    to: "adapter",
    difference: 0.7,
    low: 0.6,
    high: 0.8,
    n: 100,
    better: "higher",
    p: 0.01,
  });
  const pairs = compareReports(from, report(all));
  expect(
    pairs.map(({ system, slice: of, to, share }) => [system, of, to !== undefined, share]),
  ).toEqual([
    ["base", undefined, false, true],
    ["adapter", "new-place", false, true],
    ["adapter", undefined, true, true],
  ]);
});
