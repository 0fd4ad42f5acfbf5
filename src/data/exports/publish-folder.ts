/** The folder that is pushed to a hub: splits and preference pairs as JSON lines and Parquet, and the dataset card. */
import { access, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { readJsonl, writeJsonl } from "../../core/jsonl.ts";
import { mayRedistribute, restrictedRows } from "../../core/licence.ts";
import { PreferenceRow } from "../../core/preference.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { DatasetDir } from "../../core/run-dir.ts";
import { datasetCard } from "../dataset-card.ts";
import { DatasetStats, type RowCount, countRow, datasetStats } from "../dataset-stats.ts";
import { parquetColumns } from "../parquet-columns.ts";
import { SIDES } from "../split.ts";
import { writeParquet } from "../write-parquet.ts";
import { dataset as datasetFormat } from "./dataset.ts";
import type { ExportResult } from "./export-card.ts";
import { exportDataset } from "./export-dataset.ts";
import type { ExportFormat } from "./format.ts";

/** What to do with rows whose licence does not let them be handed on. */
export type Restricted = "refuse" | "drop" | "send";

export interface PublishSource {
  dataset: DatasetDir;
  recipe: Recipe;
  version?: string;
}

const NOT_OPEN = "a licence that does not let them be handed on";

const openRows: ExportFormat = {
  ...datasetFormat,
  toRow: (conversation) =>
    mayRedistribute(conversation.meta.licence)
      ? datasetFormat.toRow(conversation)
      : { leftOut: NOT_OPEN },
};

async function* allowed(
  path: string,
  restricted: Restricted,
  counts: Record<string, number>,
  signal: AbortSignal,
): AsyncGenerator<PreferenceRow> {
  for await (const row of readJsonl(path, PreferenceRow)) {
    signal.throwIfAborted();
    const { licence } = row.meta;
    if (restricted === "drop" && !mayRedistribute(licence)) continue;
    counts[licence] = (counts[licence] ?? 0) + 1;
    yield row;
  }
}

/** Throws `export/not-redistributable`. */
function refuse(licences: Record<string, number>): void {
  const count = restrictedRows(licences);
  if (count === 0) return;
  const names = Object.entries(licences)
    .filter(([licence]) => !mayRedistribute(licence))
    .map(([licence, rows]) => `${rows} ${licence}`);
  throw new TwainError(
    "export/not-redistributable",
    `${count} rows have a licence that does not let them be handed on: ${names.join("; ")}`,
    {
      hint: "Leave them out with --restricted drop, or send them to a private repository with --restricted send.",
    },
  );
}

/** What the statistics of the run know and rows do not: the documents, and what was rejected. */
async function runStats(path: string): Promise<DatasetStats | undefined> {
  const text = await readFile(path, "utf8").catch(() => "null");
  return DatasetStats.safeParse(JSON.parse(text)).data;
}

/**
 * Writes the folder anew; `paths` are the files to push. Throws `export/not-redistributable` where there are rows
 * that may not be handed on and `restricted` is `refuse`, `export/no-rows` where dropping them leaves a split empty.
 */
export async function publishFolder(
  { dataset, recipe, version }: PublishSource,
  options: { folder: string; restricted: Restricted; signal: AbortSignal },
): Promise<{ result: ExportResult; paths: string[] }> {
  const { folder, restricted, signal } = options;
  const known = await runStats(dataset.stats);
  const pairs = join(folder, "preference");
  const pairLicences: Record<string, number> = {};
  const hasPairs = await access(dataset.preference).then(
    () => true,
    () => false,
  );
  if (hasPairs) {
    const rows = allowed(dataset.preference, restricted, pairLicences, signal);
    await writeJsonl(`${pairs}.jsonl`, rows);
    const lines = readJsonl(`${pairs}.jsonl`, z.unknown());
    await writeParquet(`${pairs}.parquet`, parquetColumns(PreferenceRow), lines);
    if (restricted === "refuse") refuse(pairLicences);
  } else for (const ending of ["jsonl", "parquet"]) await rm(`${pairs}.${ending}`, { force: true });

  const counts: RowCount[] = [];
  const sides: number[] = [];
  const result = await exportDataset(
    { dataset },
    restricted === "drop" ? openRows : datasetFormat,
    {
      folder,
      recipe: recipe.name,
      parquet: true,
      signal,
      onRow(conversation, side) {
        counts.push(countRow(conversation));
        sides.push(SIDES.indexOf(side));
      },
      card({ licences, leftOut }) {
        if (restricted === "refuse") refuse(licences);
        const stats = datasetStats({
          rows: counts,
          sides: Uint8Array.from(sides),
          base: 0,
          baseValid: 0,
          toolCases: 0,
          rejected: known?.rejected ?? {},
          documents: [],
          dropped: {},
        });
        return datasetCard(
          recipe,
          {
            ...stats,
            ...(known && { documents: known.documents }),
            // Counted before any pair was left out.
            ...(restricted !== "drop" &&
              hasPairs &&
              known?.preference && { preference: known.preference }),
          },
          {
            files: "parquet",
            preference: hasPairs,
            leftOut,
            ...(version !== undefined && { version }),
          },
        );
      },
    },
  );
  const names = [...SIDES, ...(hasPairs ? ["preference"] : [])];
  return {
    result,
    paths: ["README.md", ...names.flatMap((name) => [`${name}.parquet`, `${name}.jsonl`])],
  };
}
