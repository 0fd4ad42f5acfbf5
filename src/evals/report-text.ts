/** The report as Markdown, and its gates as JUnit XML. */
import { escapeMarkup } from "./html.ts";
import type { EvalReport } from "./report.ts";
import {
  differenceText,
  otherScores,
  outcomeBreakdowns,
  reportRows,
  rowLabel,
  scoreText,
} from "./report-rows.ts";

const cell = (text: string): string =>
  escapeMarkup(text).replaceAll("|", "\\|").replaceAll("\n", " ");

const table = (header: string[], rows: string[][]): string =>
  [header, header.map(() => "---"), ...rows]
    .map((row) => `| ${row.map(cell).join(" | ")} |`)
    .join("\n");

export function markdownReport(title: string, report: EvalReport): string {
  const scores = reportRows(report).map((row) => [
    row.task,
    rowLabel(row),
    ...report.systems.map((_, column) => scoreText(row.scores[column], row.share)),
    differenceText(row.comparison, row.share),
    String(row.n),
  ]);
  const outcomes = outcomeBreakdowns(report).map(({ task, system, n, outcomes: shares }) => [
    task,
    system,
    shares
      .filter(({ value }) => value > 0)
      .map(({ name, value }) => `${name} ${(100 * value).toFixed(1)} %`)
      .join(", "),
    String(n),
  ]);
  const parts = [
    `# Evaluation of ${cell(title)}`,
    "Intervals are 95 %. Differences are paired over the same items; better and worse are said only where the interval excludes zero.",
    "## Gates",
    table(
      ["gate", "wanted", "got", ""],
      report.gates.map((gate) => [gate.name, gate.want, gate.got, gate.pass ? "pass" : "FAIL"]),
    ),
    "## Scores",
    table(["task", "metric", ...report.systems, "difference", "n"], scores),
  ];
  if (outcomes.length > 0)
    parts.push("## Outcomes", table(["task", "system", "outcomes", "n"], outcomes));
  for (const score of otherScores(report))
    parts.push(
      cell(`${score.system} ${score.metric}: ${scoreText(score, false)}, n = ${score.n}.`),
    );
  return `${parts.join("\n\n")}\n`;
}

/** One test case for each gate, for build servers. */
export function junitReport(title: string, report: EvalReport): string {
  const failures = report.gates.filter((gate) => !gate.pass).length;
  const cases = report.gates.map((gate) => {
    const open = `  <testcase classname="twainbot.evaluate" name="${escapeMarkup(gate.name)}"`;
    const message = escapeMarkup(`wanted ${gate.want}, got ${gate.got}`);
    return gate.pass ? `${open}/>` : `${open}><failure message="${message}"/></testcase>`;
  });
  const suite = `<testsuite name="${escapeMarkup(title)}" tests="${report.gates.length}" failures="${failures}">`;
  return ['<?xml version="1.0" encoding="UTF-8"?>', suite, ...cases, "</testsuite>", ""].join("\n");
}
