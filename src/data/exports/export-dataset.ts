/** Writes a run's dataset in another format: a file for each split, and a README that says what loads them. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../core/atomic-file.ts";
import { type Conversation, ConversationRow, fromRow } from "../../core/conversation.ts";
import { TwainError } from "../../core/errors.ts";
import { readJsonl, writeJsonl } from "../../core/jsonl.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { parquetColumns } from "../parquet-columns.ts";
import { SIDES, type Side } from "../split.ts";
import { writeParquet } from "../write-parquet.ts";
import { type ExportResult, exportCard } from "./export-card.ts";
import type { ExportFormat } from "./format.ts";

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
  { onRow, signal }: { onRow: (conversation: Conversation) => void; signal: AbortSignal },
): AsyncGenerator<unknown> {
  let written = 0;
  const leftOut: Record<string, number> = {};
  for await (const line of readJsonl(path, ConversationRow)) {
    signal.throwIfAborted();
    const conversation = fromRow(line);
    const result = format.toRow(conversation);
    if ("leftOut" in result) {
      increment(leftOut, result.leftOut);
      increment(counts.leftOut, result.leftOut);
      continue;
    }
    written++;
    increment(counts.licences, conversation.meta.licence);
    onRow(conversation);
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

export interface ExportOptions {
  folder: string;
  /** Names the dataset in the README. */
  recipe: string;
  /** Also write each file as Parquet. */
  parquet?: boolean;
  /** What the README says, where it is not the format's own. */
  card?: (result: ExportResult) => string;
  /** Told of every row that is written. */
  onRow?: (conversation: Conversation, side: Side) => void;
  signal: AbortSignal;
}

/**
 * Streams a dataset into `folder`. Every file is whole or not there; the README is written last, so that a
 * folder with one is complete. The same dataset gives the same bytes. Throws `export/no-rows`.
 */
export async function exportDataset(
  { dataset }: Pick<RunDir, "dataset">,
  format: ExportFormat,
  options: ExportOptions,
): Promise<ExportResult> {
  const { folder, recipe, parquet = false, signal } = options;
  const readme = join(folder, "README.md");
  await rm(readme, { force: true });
  const result: ExportResult = {
    format: format.name,
    folder,
    files: parquet ? ["jsonl", "parquet"] : ["jsonl"],
    rows: { train: 0, valid: 0, test: 0 },
    licences: {},
    leftOut: {},
  };
  const columns = parquetColumns(format.row);
  for (const side of SIDES) {
    const rows = rowsOf(dataset[side], format, result, {
      onRow: (conversation) => options.onRow?.(conversation, side),
      signal,
    });
    const path = join(folder, `${side}.jsonl`);
    result.rows[side] = await writeJsonl(path, rows);
    const other = join(folder, `${side}.parquet`);
    if (parquet)
      await writeParquet(other, columns, abortable(readJsonl(path, z.unknown()), signal));
    // Of an earlier export: beside new rows it would be taken for theirs.
    else await rm(other, { force: true });
  }
  for (const [name, text] of Object.entries(format.files ?? {}))
    await writeFileAtomic(join(folder, name), text);
  await writeFileAtomic(readme, options.card?.(result) ?? exportCard(format, result, recipe));
  return result;
}

async function* abortable<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const item of items) {
    signal.throwIfAborted();
    yield item;
  }
}
