/** What is said when a run has been evaluated: the table, two conversations, and where to go next. */
import { relative, resolve } from "node:path";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import {
  differenceText,
  otherScores,
  reportRows,
  rowLabel,
  scoreTable,
  scoreText,
} from "../evals/report-rows.ts";
import type { EvalReport } from "../evals/report.ts";
import { adapterFolder } from "../train/final-adapter.ts";
import { itemText } from "./conversation-text.ts";
import { firstItem, readReport } from "./read-report.ts";
import { type Output, painter, widthOf } from "./terminal.ts";

/** As short as a path can be typed from here; outside this folder the whole of it. */
export function here(path: string): string {
  const short = relative(process.cwd(), path) || ".";
  return short.startsWith("..") ? resolve(path) : short;
}

/** The table for a terminal that is too narrow for it: a few short lines a row. */
function narrowTable(report: EvalReport): string {
  const rows = reportRows(report).map((row) => {
    const scores = report.systems.map(
      (system, i) => `  ${system.padEnd(11)}${scoreText(row.scores[i], row.share)}`,
    );
    return [
      `${row.task}: ${rowLabel(row)} (n = ${row.n})`,
      ...scores,
      `  difference ${differenceText(row.comparison, row.share)}`,
    ].join("\n");
  });
  // The figures of no system and the gates are what is left of the table without its rows.
  return [...rows, scoreTable({ ...report, scores: otherScores(report) }).trimStart()].join("\n");
}

/** The scores over all items, and the gates; slices and outcomes are left to the report. */
export async function printScores(dir: RunDir, output: Output): Promise<void> {
  const report = await readReport(dir);
  const overall = { ...report, scores: report.scores.filter((score) => score.slice === undefined) };
  const table = scoreTable(overall);
  const fits =
    !output.isTTY || Math.max(...table.split("\n").map((line) => line.length)) <= widthOf(output);
  output.write(`\n${fits ? table : narrowTable(overall)}\n`);
}

/** The first tool question and the first plain one of the evaluation, unpicked. */
export async function printSamples(dir: RunDir, output: Output): Promise<void> {
  const paint = painter(output);
  const width = Math.min(100, widthOf(output));
  for (const [task, title] of [
    ["tools", "A tool question, the first of the evaluation"],
    ["style", "Small talk, the first of the evaluation"],
  ] as const) {
    const text = itemText(title, await firstItem(dir, task), width, paint);
    if (text) output.write(`\n${text}\n`);
  }
}

export function printNext(recipe: Recipe, dir: RunDir, output: Output): void {
  const run = here(dir.root);
  output.write(`
Full report          ${here(dir.evaluate.html)}
Every conversation   ${here(dir.evaluate.samples)}
Adapter              ${here(adapterFolder(recipe, dir))}

Talk to it in the browser    npx twainbot serve --run ${run}
or in this terminal          npx twainbot chat --run ${run}
`);
}
