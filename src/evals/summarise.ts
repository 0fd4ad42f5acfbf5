/** From what was measured on every item to scores, paired comparisons, verdicts and gates. */
import type { Random } from "../core/random.ts";
import type { Comparison, Gate, Score } from "./report.ts";
import { bootstrap, mcNemar, pairedDifference, wilson } from "./statistics.ts";
import type { Measure, TaskResult } from "./task.ts";

interface Bootstrap {
  rounds: number;
  random: Random;
}

function scoreOf(task: string, measure: Measure, system: string, options: Bootstrap): Score {
  const parts = measure.parts.get(system) ?? [];
  const { metric, slice, kind, shape } = measure;
  const interval =
    kind === "share"
      ? wilson(
          parts.reduce((sum, part) => sum + part.top, 0),
          parts.length,
        )
      : bootstrap(parts, { ...options, ...(shape && { shape }) });
  return {
    task,
    metric,
    system,
    ...interval,
    n: parts.length,
    ...(slice !== undefined && { slice }),
  };
}

function comparisonOf(
  task: string,
  measure: Measure,
  from: string,
  to: string,
  options: Bootstrap,
): Comparison[] {
  const { metric, slice, kind, better, shape } = measure;
  const before = measure.parts.get(from);
  const after = measure.parts.get(to);
  if (!better || !before || !after) return [];
  const {
    value: difference,
    low,
    high,
  } = pairedDifference(before, after, { ...options, ...(shape && { shape }) });
  const moved = (sign: number): number =>
    before.filter((part, i) => Math.sign(after[i]!.top - part.top) === sign).length;
  return [
    {
      task,
      metric,
      from,
      to,
      difference,
      low,
      high,
      n: before.length,
      better,
      ...(slice !== undefined && { slice }),
      ...(kind === "share" && { p: mcNemar(moved(1), moved(-1)) }),
    },
  ];
}

/** Scores of every measure and system, and comparisons of the first system with each other one. */
export function summarise(
  task: string,
  result: TaskResult,
  systems: readonly string[],
  options: Bootstrap,
): { scores: Score[]; comparisons: Comparison[] } {
  const [first, ...others] = systems;
  const scores = result.measures.flatMap((measure) =>
    systems.map((system) => scoreOf(task, measure, system, options)),
  );
  const comparisons = result.measures.flatMap((measure) =>
    others.flatMap((other) => comparisonOf(task, measure, first!, other, options)),
  );
  return {
    scores: [...scores, ...(result.scores ?? []).map((score) => ({ task, ...score }))],
    comparisons,
  };
}

/** "better", "worse", or undefined where the interval holds zero. */
export function verdict(comparison: Comparison): "better" | "worse" | undefined {
  const { low, high, better } = comparison;
  if (!(low > 0 || high < 0)) return undefined;
  return low > 0 === (better === "higher") ? "better" : "worse";
}

/** Passes when a system's score is on the right side of a bound; fails where it was not measured. */
export function scoreGate(
  scores: readonly Score[],
  find: { metric: string; system: string; slice?: string },
  want: { atLeast: number } | { atMost: number },
): Gate {
  const score = scores.find(
    (entry) =>
      entry.metric === find.metric && entry.system === find.system && entry.slice === find.slice,
  );
  const [sign, bound] = "atLeast" in want ? ["≥", want.atLeast] : ["≤", want.atMost];
  const pass =
    score !== undefined && ("atLeast" in want ? score.value >= bound : score.value <= bound);
  return {
    name: [find.system, find.metric, find.slice].filter(Boolean).join(" · "),
    want: `${sign} ${bound}`,
    got: score ? `${score.value.toFixed(3)} (n = ${score.n})` : "not measured",
    pass,
  };
}

/** Passes when the paired interval says better. */
export function betterGate(
  comparisons: readonly Comparison[],
  find: { metric: string; to: string },
): Gate {
  const found = comparisons.find(
    (entry) => entry.metric === find.metric && entry.to === find.to && entry.slice === undefined,
  );
  return {
    name: `${find.to} better than ${found?.from ?? "base"} · ${find.metric}`,
    want: "interval excludes zero",
    got: found
      ? `${found.difference.toFixed(3)} [${found.low.toFixed(3)}, ${found.high.toFixed(3)}]`
      : "not measured",
    pass: found !== undefined && verdict(found) === "better",
  };
}
