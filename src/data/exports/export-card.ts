/** The README of an export: rows, licences, and what loads the files. */
import { mayRedistribute, restrictedRows } from "../../core/licence.ts";
import { versions } from "../../core/versions.ts";
import { SIDES, type Side } from "../split.ts";
import type { ExportFormat } from "./format.ts";

/** What an export wrote. */
export interface ExportResult {
  format: string;
  folder: string;
  /** Endings of the files of each split. */
  files: ("jsonl" | "parquet")[];
  rows: Record<Side, number>;
  /** Rows by the licence that each of them names. */
  licences: Record<string, number>;
  /** Rows that the format has no words for, by reason. */
  leftOut: Record<string, number>;
}

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const byName = (counts: Record<string, number>): [string, number][] =>
  Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1));

export function exportCard(format: ExportFormat, result: ExportResult, recipe: string): string {
  const restricted = restrictedRows(result.licences);
  const forbidden = Object.keys(result.licences).filter((licence) => !mayRedistribute(licence));
  const leftOut = byName(result.leftOut);
  return `# Dataset of the recipe ${recipe} as ${format.name}

${format.summary}. Written by TwainBot ${versions().twainbot}; the same dataset gives the same bytes.

${table(
  ["file", "rows"],
  SIDES.map((side) => [
    result.files.map((ending) => `\`${side}.${ending}\``).join(", "),
    result.rows[side],
  ]),
)}

${
  leftOut.length > 0
    ? `Left out, because the format has no words for them:\n\n${table(["reason", "rows"], leftOut)}`
    : "Row n of a file here is line n of that split's file in the run's `dataset/`, where every row has its tags, licence and lineage."
}

## Licences

${table(["licence", "rows"], byName(result.licences))}

${
  restricted > 0
    ? `**${restricted} rows may not be handed on** (${forbidden.join("; ")}). Keep these files, and the parts that hold such rows, to
yourself; what users of Reddit wrote is for research on your own machine. The rows carry no licence themselves;
\`meta.licence\` in the run's \`dataset/\` says which they are.`
    : "Every row may be handed on under its licence; `meta.licence` in the run's `dataset/` says which it is."
}

## Loading

${format.usage}
`;
}
