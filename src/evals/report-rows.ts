/** A report as rows, the same for the terminal, Markdown and HTML. */
import { alignColumns } from "../core/align-columns.ts";
import type { Comparison, EvalReport, Score } from "./report.ts";
import { verdict } from "./summarise.ts";

export interface ReportRow {
  task: string;
  metric: string;
  slice: string | undefined;
  n: number;
  /** A share is shown in percent. */
  share: boolean;
  /** In the order of the report's systems. */
  scores: (Score | undefined)[];
  comparison: Comparison | undefined;
}

const outcomePrefix = "outcome/";

/** One row for each metric and slice that systems were scored on, but for the outcomes. */
export function reportRows(report: EvalReport): ReportRow[] {
  const [, second] = report.systems;
  const rows = new Map<string, ReportRow>();
  for (const score of report.scores) {
    const column = report.systems.indexOf(score.system);
    if (column < 0 || score.metric.startsWith(outcomePrefix)) continue;
    const { task, metric, slice, n } = score;
    const key = JSON.stringify([task, metric, slice]);
    const comparison = report.comparisons.find(
      (entry) =>
        entry.task === task &&
        entry.metric === metric &&
        entry.slice === slice &&
        entry.to === second,
    );
    const row = rows.get(key) ?? {
      task,
      metric,
      slice,
      n,
      share: comparison?.p !== undefined,
      scores: [],
      comparison,
    };
    row.scores[column] = score;
    rows.set(key, row);
  }
  return [...rows.values()];
}

/** Scores that belong to no system, such as a classifier's. */
export const otherScores = (report: EvalReport): Score[] =>
  report.scores.filter((score) => !report.systems.includes(score.system));

export interface OutcomeBreakdown {
  task: string;
  system: string;
  n: number;
  outcomes: { name: string; value: number }[];
}

/** How the items of a task ended, by system. */
export function outcomeBreakdowns(report: EvalReport): OutcomeBreakdown[] {
  const found = new Map<string, OutcomeBreakdown>();
  for (const { task, metric, system, value, n } of report.scores) {
    if (!metric.startsWith(outcomePrefix)) continue;
    const key = JSON.stringify([task, system]);
    const breakdown = found.get(key) ?? { task, system, n, outcomes: [] };
    breakdown.outcomes.push({ name: metric.slice(outcomePrefix.length), value });
    found.set(key, breakdown);
  }
  return [...found.values()];
}

export function figure(value: number, share: boolean): string {
  if (Number.isNaN(value)) return "–";
  if (share) return `${(100 * value).toFixed(1)} %`;
  return Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(3);
}

const range = (low: number, high: number, share: boolean): string =>
  share
    ? `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)}`
    : `${figure(low, false)}–${figure(high, false)}`;

export const scoreText = (score: Score | undefined, share: boolean): string =>
  score ? `${figure(score.value, share)} (${range(score.low, score.high, share)})` : "–";

const signed = (value: number, share: boolean): string =>
  `${value > 0 ? "+" : ""}${share ? (100 * value).toFixed(1) : figure(value, false)}`;

/** `+12.5 [+8.0, +17.0] better`; points where the metric is a share. */
export function differenceText(comparison: Comparison | undefined, share: boolean): string {
  if (!comparison) return "";
  const { difference, low, high } = comparison;
  return `${signed(difference, share)} [${signed(low, share)}, ${signed(high, share)}] ${verdict(comparison) ?? "no clear difference"}`;
}

export const rowLabel = (row: Pick<ReportRow, "metric" | "slice">): string =>
  row.slice ? `${row.metric} · ${row.slice}` : row.metric;

/** The report as a table for a terminal; intervals are 95 %, differences paired. */
export function scoreTable(report: EvalReport): string {
  const header = ["", ...report.systems, "difference", "n"];
  const body = reportRows(report).map((row) => [
    `${row.task}: ${rowLabel(row)}`,
    ...report.systems.map((_, column) => scoreText(row.scores[column], row.share)),
    differenceText(row.comparison, row.share),
    String(row.n),
  ]);
  const others = otherScores(report).map(
    (score) => `${score.system} ${score.metric}: ${scoreText(score, false)}, n = ${score.n}`,
  );
  const gates = report.gates.map(
    (gate) => `${gate.pass ? "pass" : "FAIL"}  ${gate.name}: ${gate.got}, wanted ${gate.want}`,
  );
  return [alignColumns([header, ...body]), others.join("\n"), gates.join("\n")]
    .filter((part) => part !== "")
    .join("\n\n");
}
