/** The scores of two reports side by side: what a change of data or settings went along with. */
import type { EvalReport, Score } from "./report.ts";

export interface ScorePair {
  task: string;
  metric: string;
  system: string;
  slice?: string;
  /** Whether the figure is a share of items. */
  share: boolean;
  from?: Score;
  to?: Score;
  /**
   * Whether the two 95 % intervals have no value in common: then the scores differ. Where they have, nothing is said,
   * as the reports may be of other items and are not paired.
   */
  apart: boolean;
}

const OUTCOME = "outcome/";

const keyOf = ({ task, metric, system, slice }: Score): string =>
  JSON.stringify([task, metric, system, slice]);

/** False for a score that was not measured. */
const disjoint = (a: Score, b: Score): boolean => a.high < b.low || b.high < a.low;

/** Every score of either report but the breakdown of outcomes, in the order of the reports. */
export function compareReports(from: EvalReport, to: EvalReport): ScorePair[] {
  const pairs = new Map<string, ScorePair>();
  const shares = new Set(
    [...from.comparisons, ...to.comparisons]
      .filter(({ p }) => p !== undefined)
      .map(({ task, metric }) => JSON.stringify([task, metric])),
  );
  for (const side of ["from", "to"] as const) {
    for (const score of (side === "from" ? from : to).scores) {
      const { task, metric, system, slice } = score;
      if (metric.startsWith(OUTCOME)) continue;
      const pair = pairs.get(keyOf(score)) ?? {
        task,
        metric,
        system,
        ...(slice !== undefined && { slice }),
        share: shares.has(JSON.stringify([task, metric])),
        apart: false,
      };
      pair[side] = score;
      pairs.set(keyOf(score), pair);
    }
  }
  for (const pair of pairs.values())
    pair.apart = pair.from !== undefined && pair.to !== undefined && disjoint(pair.from, pair.to);
  return [...pairs.values()];
}
