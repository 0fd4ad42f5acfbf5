/** Writes a run's dataset in another format: a file for each split, and a README that says what loads them. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../core/atomic-file.ts";
import { ConversationRow, fromRow } from "../../core/conversation.ts";
import { TwainError } from "../../core/errors.ts";
import { readJsonl, writeJsonl } from "../../core/jsonl.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { SIDES } from "../split.ts";
import { type ExportResult, exportCard } from "./export-card.ts";
import type { ExportFormat } from "./format.ts";
import { turnsOf } from "./turns.ts";

const increment = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};

const total = (counts: Record<string, number>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

/** The rows of one split in the format; counts licences and what is left out. Throws `export/no-rows`. */
async function* rowsOf(
  path: string,
  format: ExportFormat,
  counts: Pick<ExportResult, "licences" | "leftOut">,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  let written = 0;
  const leftOut: Record<string, number> = {};
  for await (const line of readJsonl(path, ConversationRow)) {
    signal.throwIfAborted();
    const conversation = fromRow(line);
    const turns = turnsOf(conversation);
    const result = "leftOut" in turns ? turns : format.toRow(turns, conversation.tools ?? []);
    if ("leftOut" in result) {
      increment(leftOut, result.leftOut);
      increment(counts.leftOut, result.leftOut);
      continue;
    }
    written++;
    increment(counts.licences, conversation.meta.licence);
    yield result.row;
  }
  if (written > 0) return;
  const reasons = Object.entries(leftOut).map(([reason, count]) => `${reason}: ${count}`);
  throw new TwainError(
    "export/no-rows",
    `none of the ${total(leftOut)} rows of ${path} can be written as ${format.name}${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""}`,
    { hint: "Choose another format: twainbot export --help lists them." },
  );
}

/**
 * Streams the dataset of a run into `folder`. Every file is whole or not there; the README is written last,
 * so that a folder with one is complete. The same dataset gives the same bytes. Throws `export/no-rows`.
 */
export async function exportDataset(
  dir: RunDir,
  format: ExportFormat,
  options: { folder: string; recipe: string; signal: AbortSignal },
): Promise<ExportResult> {
  const { folder, recipe, signal } = options;
  const readme = join(folder, "README.md");
  await rm(readme, { force: true });
  const result: ExportResult = {
    format: format.name,
    folder,
    rows: { train: 0, valid: 0, test: 0 },
    licences: {},
    leftOut: {},
  };
  for (const side of SIDES) {
    const rows = rowsOf(dir.dataset[side], format, result, signal);
    result.rows[side] = await writeJsonl(join(folder, `${side}.jsonl`), rows);
  }
  await writeFileAtomic(readme, exportCard(format, result, recipe));
  return result;
}
