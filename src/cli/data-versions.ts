/** `twainbot data versions`: the datasets that there are, tagged and not. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { alignColumns } from "../core/align-columns.ts";
import { runDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";
import {
  type DatasetFile,
  datasetState,
  listVersions,
  versionDamage,
} from "../data/versions/dataset-version.ts";
import { defineCommand, jsonArg } from "./command.ts";
import { bytes, number } from "./terminal.ts";

interface ListedDataset {
  /** `nano@v1.2`, or `nano` for what the run has now. */
  dataset: string;
  hash: string;
  rows: { train: number; valid: number; test: number };
  bytes: number;
  tagged: string | null;
  /** What of a version's files is not as it was tagged. */
  damaged: string | null;
  /** Versions with the same hash, in any run. */
  sameAs: string[];
}

const rowsOf = (files: readonly DatasetFile[]): ListedDataset["rows"] => {
  const rows = (name: string): number =>
    files.find((file) => file.name === `${name}.jsonl`)?.rows ?? 0;
  return { train: rows("train"), valid: rows("valid"), test: rows("test") };
};

async function listed(root: string, signal: AbortSignal): Promise<Omit<ListedDataset, "sameAs">[]> {
  const dir = runDir(root);
  const name = basename(root);
  const describe = (
    dataset: string,
    hash: string,
    files: readonly DatasetFile[],
    tagged: string | null,
    damaged: string | null,
  ): Omit<ListedDataset, "sameAs"> => ({
    dataset,
    hash,
    rows: rowsOf(files),
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    tagged,
    damaged,
  });
  const found: Omit<ListedDataset, "sameAs">[] = [];
  for (const version of await listVersions(dir)) {
    const damage = (await versionDamage(dir, version, signal)) ?? null;
    const { dataset, files, tagged } = version;
    found.push(describe(`${name}@${version.version}`, dataset, files, tagged, damage));
  }
  if (await readManifest(dir, "curate")) {
    const { dataset, files } = await datasetState(dir.dataset, signal);
    found.push(describe(name, dataset, files, null, null));
  }
  return found;
}

function table(datasets: readonly ListedDataset[]): string {
  return alignColumns([
    ["dataset", "hash", "train", "valid", "test", "size", "tagged", ""],
    ...datasets.map(({ dataset, hash, rows, bytes: size, tagged, damaged, sameAs }) => [
      dataset,
      hash.slice(0, 12),
      number(rows.train),
      number(rows.valid),
      number(rows.test),
      bytes(size),
      tagged === null ? "now" : tagged.slice(0, 16).replace("T", " "),
      damaged === null
        ? sameAs.length > 0
          ? `same as ${sameAs.join(", ")}`
          : ""
        : `damaged: ${damaged}`,
    ]),
  ]);
}

export const command = defineCommand(
  {
    runs: { type: "string", default: "runs", valueHint: "DIR", description: "Where runs are kept" },
    ...jsonArg,
  },
  async (args, { signal }) => {
    const all: Omit<ListedDataset, "sameAs">[] = [];
    const names: string[] = await readdir(args.runs).catch(() => []);
    for (const name of names.toSorted()) {
      const root = join(args.runs, name);
      if (existsSync(runDir(root).recipe)) all.push(...(await listed(root, signal)));
    }
    const datasets = all.map((each) => ({
      ...each,
      sameAs: all
        .filter(
          (other) =>
            other !== each &&
            other.hash === each.hash &&
            other.tagged !== null &&
            other.damaged === null,
        )
        .map((other) => other.dataset),
    }));
    process.stdout.write(
      args.json
        ? `${JSON.stringify({ runs: args.runs, datasets }, null, 2)}\n`
        : datasets.length > 0
          ? `${table(datasets)}\n`
          : `There is no dataset in ${args.runs}. Make one: twainbot run nano.\n`,
    );
    return 0;
  },
);
