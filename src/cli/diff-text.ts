/** What changed from one dataset to another, for a terminal. */
import { alignColumns } from "../core/align-columns.ts";
import { type DatasetDiff, FACETS, type Facet } from "../data/versions/diff-datasets.ts";
import type { ScorePair } from "../evals/compare-reports.ts";
import { rowLabel, scoreText } from "../evals/report-rows.ts";
import { type Paint, number } from "./terminal.ts";

/** A difference as `--json` has it. */
export interface DiffDocument extends DatasetDiff {
  from: { dataset: string; hash: string };
  to: { dataset: string; hash: string };
  /** Settings of the recipe that are not the same. */
  settings: { path: string; from: string | null; to: string | null }[];
  /** Null where one of the two has not been evaluated. */
  scores: ScorePair[] | null;
}

/** Values of one facet that are shown; `--json` has all. */
const MOST = 12;

const signed = (value: number): string => `${value > 0 ? "+" : ""}${number(value)}`;

interface Change {
  value: string;
  from: number;
  to: number;
}

/** Of numbered templates only their families: `banter:17` counts as `banter`. */
function families(changes: readonly Change[]): Change[] {
  const found = new Map<string, Change>();
  for (const { value, from, to } of changes) {
    const name = value.split(":")[0]!;
    const family = found.get(name) ?? { value: name, from: 0, to: 0 };
    found.set(name, { value: name, from: family.from + from, to: family.to + to });
  }
  return [...found.values()];
}

function facetRows(name: Facet, diff: DatasetDiff): string[][] {
  const all = name === "template" ? families(diff.facets[name]) : diff.facets[name];
  const changed = all
    .filter(({ from, to }) => from !== to)
    .toSorted((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from));
  const rows = changed
    .slice(0, MOST)
    .map(({ value, from, to }) => [`  ${value}`, number(from), number(to), signed(to - from)]);
  if (changed.length > MOST) rows.push([`  and ${changed.length - MOST} more`, "", "", ""]);
  return rows.length > 0 ? [[name, "", "", ""], ...rows] : [];
}

function rowsText({ rows, moved, examples }: DatasetDiff, paint: Paint): string {
  const shared = rows.same + rows.relabelled + rows.renamed;
  const lines = [
    `content: ${number(shared)} rows are in both, ${number(rows.removed + rows.changed)} only in the first, ${number(rows.added + rows.changed)} only in the second`,
    `ids: ${number(rows.added)} added, ${number(rows.removed)} removed, ${number(rows.changed)} changed under the same id`,
    `in both: ${number(rows.same)} the same, ${number(rows.relabelled)} with other tags or lineage, ${number(rows.renamed)} with another id`,
    ...Object.entries(moved).map(([way, count]) =>
      paint("yellow", `${number(count)} rows moved ${way}`),
    ),
    ...(["added", "removed", "changed"] as const).flatMap((fate) => {
      const ids = examples[fate] ?? [];
      return ids.length > 0
        ? [`${fate}: ${ids.join(", ")}${rows[fate] > ids.length ? " …" : ""}`]
        : [];
    }),
  ];
  return lines.map((line) => `  ${line}`).join("\n");
}

function lengthsText({ lengths }: DatasetDiff): string {
  const figure = (from: number, to: number): string => `${from.toFixed(1)} → ${to.toFixed(1)}`;
  return alignColumns([
    ["  of a row", "mean", "median", "90 % below", "all rows"],
    ...Object.entries(lengths).map(([name, { from, to }]) => [
      `  ${name}`,
      figure(from.mean, to.mean),
      figure(from.median, to.median),
      figure(from.p90, to.p90),
      `${number(from.total)} → ${number(to.total)}`,
    ]),
  ]);
}

function scoresText(scores: readonly ScorePair[], labels: readonly [string, string]): string {
  return alignColumns([
    ["", "system", ...labels, ""],
    ...scores.map((pair) => [
      `  ${pair.task}: ${rowLabel({ metric: pair.metric, slice: pair.slice })}`,
      pair.system,
      scoreText(pair.from, pair.share),
      scoreText(pair.to, pair.share),
      pair.apart ? "apart" : "",
    ]),
  ]);
}

export function diffText(diff: DiffDocument, paint: Paint): string {
  const [from, to] = [diff.from.dataset, diff.to.dataset];
  const heading = (text: string): string => paint("bold", text);
  if (diff.from.hash === diff.to.hash && diff.settings.length === 0 && diff.scores === null)
    return `${from} and ${to} are the same dataset, ${diff.to.hash.slice(0, 12)}.\n`;
  const settings = diff.settings.map(({ path, from: old, to: now }) => [
    `  ${path}`,
    `${old ?? "absent"} → ${now ?? "absent"}`,
  ]);
  const counts = FACETS.flatMap((name) => facetRows(name, diff));
  const parts = [
    `${heading(`${from} → ${to}`)}\n  ${diff.from.hash.slice(0, 12)} → ${diff.to.hash.slice(0, 12)}${diff.from.hash === diff.to.hash ? ", the same dataset" : ""}`,
    `${heading("Rows")}\n${rowsText(diff, paint)}`,
    `${heading("Settings that differ")}\n${settings.length > 0 ? alignColumns(settings) : "  none"}`,
    counts.length > 0
      ? `${heading("Counts that differ")}\n${alignColumns([["", from, to, ""], ...counts])}`
      : `${heading("Counts that differ")}\n  none`,
    `${heading("Lengths")}\n${lengthsText(diff)}`,
    diff.scores === null
      ? `${heading("Scores")}\n  both must be trained and evaluated: twainbot run does it`
      : `${heading("Scores")} (95 % intervals; "apart" where they have no value in common; the items are not paired)\n${scoresText(
          diff.scores.filter(({ slice }) => slice === undefined),
          [from, to],
        )}`,
  ];
  return `${parts.join("\n\n")}\n`;
}
