/** What is said when a run has been evaluated: the table, two conversations, and where to go next. */
import { relative } from "node:path";
import type { RunDir } from "../core/run-dir.ts";
import { scoreTable } from "../evals/report-rows.ts";
import { itemText } from "./conversation-text.ts";
import { firstItem, readReport } from "./read-report.ts";
import { type Output, painter, widthOf } from "./terminal.ts";

const here = (path: string): string => relative(process.cwd(), path) || ".";

/** The scores over all items, and the gates; slices and outcomes are left to the report. */
export async function printScores(dir: RunDir, output: Output): Promise<void> {
  const report = await readReport(dir);
  const overall = { ...report, scores: report.scores.filter((score) => score.slice === undefined) };
  output.write(`\n${scoreTable(overall)}\n`);
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

export function printNext(dir: RunDir, output: Output): void {
  const run = here(dir.root);
  output.write(`
Full report          ${here(dir.evaluate.html)}
Every conversation   ${here(dir.evaluate.samples)}
Adapter              ${here(dir.train.adapter)}

Talk to it in the browser    npx twainbot serve --run ${run}
or in this terminal          npx twainbot chat --run ${run}
`);
}
