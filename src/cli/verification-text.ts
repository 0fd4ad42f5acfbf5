/** What running the tool calls of a dataset again found, for the terminal. */
import type { DatasetVerification } from "../data/verify-dataset.ts";
import { number } from "./terminal.ts";

/** More rows than these are only counted. */
const SHOWN = 50;

const countsText = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${number(count)}`)
    .join(", ");

export function verificationText(found: DatasetVerification): string {
  const { rows, episodes, calls, written, failed } = found;
  const reasons: Record<string, number> = {};
  for (const { reason } of failed) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const lines = [
    `${number(rows)} rows; ${number(episodes)} episodes with ${number(calls)} calls run again`,
    ...(written > 0
      ? [`${number(written)} more with calls were written by a model and are not run again`]
      : []),
    `episodes by domain: ${countsText(found.domain)}`,
    failed.length === 0
      ? "every one holds"
      : `${number(failed.length)} do not hold: ${countsText(reasons)}`,
    ...failed
      .slice(0, SHOWN)
      .map(
        ({ row, side, reason, template }) =>
          `  ${row}  ${reason}${side ? `  (${side}${template ? `, ${template}` : ""})` : ""}`,
      ),
  ];
  if (failed.length > SHOWN)
    lines.push(`  and ${number(failed.length - SHOWN)} more; --json has all`);
  return `${lines.join("\n")}\n`;
}
