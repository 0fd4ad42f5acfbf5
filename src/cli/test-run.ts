/** For tests: a run folder with a dataset, as the curate stage leaves it, and the report of an evaluation. */
import { relative } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { type Conversation, toRow } from "../core/conversation.ts";
import type { StageName } from "../core/events.ts";
import { hashFile } from "../core/hash.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { type Manifest, outputsFingerprint, readManifest } from "../core/stage.ts";
import { countRow, datasetStats } from "../data/dataset-stats.ts";
import { SIDES, type Side } from "../data/split.ts";
import type { RowWorld } from "../data/synth/simulator.ts";
import type { EvalReport } from "../evals/report.ts";
import { loadRecipe } from "./load-recipe.ts";

/** Makes a stage done, with these files. */
export async function writeManifest(
  dir: RunDir,
  stage: StageName,
  outputs: readonly string[] = [],
  inputs: Record<string, string> = {},
): Promise<Manifest> {
  const manifest: Manifest = {
    schema: 1,
    stage,
    fingerprint: "x",
    inputs,
    outputs: [],
    counts: {},
    dropped: {},
    seconds: 1,
    versions: {},
  };
  for (const path of outputs)
    manifest.outputs.push({ path: relative(dir.root, path), ...(await hashFile(path)) });
  await writeFileAtomic(dir.manifest(stage), JSON.stringify(manifest));
  return manifest;
}

export type Splits = Record<Side, readonly Conversation[]>;

/** A run of the recipe `tiny`, with overrides; `worlds` where its rows are to be verified. */
export async function writeRun(
  root: string,
  splits: Splits,
  overrides: readonly string[] = [],
  worlds: readonly RowWorld[] = [],
): Promise<RunDir> {
  const dir = runDir(root);
  await writeFileAtomic(dir.recipe, JSON.stringify(await loadRecipe("tiny", [...overrides])));
  for (const side of SIDES) await writeJsonl(dir.dataset[side], splits[side].map(toRow));
  const rows = SIDES.flatMap((side) => splits[side].map((row) => ({ side, row })));
  const stats = datasetStats({
    rows: rows.map(({ row }) => countRow(row)),
    sides: Uint8Array.from(rows, ({ side }) => SIDES.indexOf(side)),
    base: 0,
    baseValid: 0,
    toolCases: 0,
    rejected: {},
    documents: [],
    dropped: {},
  });
  await writeFileAtomic(dir.dataset.stats, JSON.stringify(stats));
  if (worlds.length > 0) await writeJsonl(dir.dataset.worlds, worlds);
  await writeManifest(dir, "curate", [
    ...SIDES.map((side) => dir.dataset[side]),
    dir.dataset.stats,
    ...(worlds.length > 0 ? [dir.dataset.worlds] : []),
  ]);
  return dir;
}

/** The evaluation of what was trained on the dataset that the run has now. */
export async function writeReport(dir: RunDir, report: EvalReport): Promise<void> {
  await writeFileAtomic(dir.evaluate.json, JSON.stringify(report));
  const curate = outputsFingerprint((await readManifest(dir, "curate"))!);
  await writeManifest(dir, "evaluate", [dir.evaluate.json], { curate });
}
