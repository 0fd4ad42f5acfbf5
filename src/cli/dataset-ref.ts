/** A dataset as it is named on the command line: a run (`nano`, `runs/nano`), or a version of one (`nano@v1.2`). */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { type DatasetDir, type RunDir, runDir } from "../core/run-dir.ts";
import { outputsFingerprint, outputsMatch, readManifest } from "../core/stage.ts";
import { datasetState, openVersion } from "../data/versions/dataset-version.ts";
import { EvalReport } from "../evals/report.ts";
import { readRunRecipe } from "./open-run.ts";

export interface DatasetRef {
  /** As it was asked for. */
  label: string;
  dir: RunDir;
  dataset: DatasetDir;
  recipe: Recipe;
  /** Absent for the dataset that the run has now. */
  version?: string;
  /** Hash of all its files. */
  hash: string;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The run of a name under `runs`, or of a folder. Throws `cli/no-run`. */
async function runNamed(text: string, runs: string): Promise<RunDir> {
  for (const folder of [text, join(runs, text)])
    if (await exists(runDir(folder).recipe)) return runDir(folder);
  throw new TwainError("cli/no-run", `there is no run ${text}, nor ${join(runs, text)}`, {
    hint: "Name a run folder, or a run under --runs; twainbot data versions lists them.",
  });
}

/** Throws `export/no-dataset` while the run has none, or one that its manifest does not know. */
async function requireDataset(dir: RunDir, recipe: Recipe): Promise<void> {
  const manifest = await readManifest(dir, "curate");
  if (manifest && (await outputsMatch(dir, manifest))) return;
  throw new TwainError(
    "export/no-dataset",
    manifest
      ? `the dataset of ${dir.root} is not what its manifest says: it is being made, or was changed by hand`
      : `${dir.root} has no dataset yet`,
    { hint: `Make it first: twainbot run ${recipe.name}.` },
  );
}

/** Opens what `text` names. Throws also what `openVersion` throws. */
export async function openDataset(
  text: string,
  runs: string,
  signal: AbortSignal,
): Promise<DatasetRef> {
  const at = text.lastIndexOf("@");
  const label = text;
  if (at > 0 && !(await exists(runDir(text).recipe))) {
    const dir = await runNamed(text.slice(0, at), runs);
    const version = text.slice(at + 1);
    const { record, folder, dataset } = await openVersion(dir, version, signal);
    const path = join(folder, "recipe.json");
    const recipe = parseRecipe(JSON.parse(await readFile(path, "utf8")), path);
    return { label, dir, dataset, recipe, version, hash: record.dataset };
  }
  const dir = await runNamed(text, runs);
  const recipe = await readRunRecipe(dir);
  await requireDataset(dir, recipe);
  const { dataset: hash } = await datasetState(dir.dataset, signal);
  return { label, dir, dataset: dir.dataset, recipe, hash };
}

/** The run's report, where it was made with the dataset that the run has now. */
export async function currentReport(dir: RunDir): Promise<string | undefined> {
  const curate = await readManifest(dir, "curate");
  const evaluate = await readManifest(dir, "evaluate");
  const current = curate !== undefined && evaluate?.inputs["curate"] === outputsFingerprint(curate);
  return current && (await exists(dir.evaluate.json)) ? dir.evaluate.json : undefined;
}

/** The evaluation of what was trained on a dataset: the one kept with the version, or the run's while it has that dataset. */
export async function reportOf(
  ref: DatasetRef,
  signal: AbortSignal,
): Promise<EvalReport | undefined> {
  const kept = join(ref.dataset.root, "report.json");
  let path: string | undefined;
  if (ref.version !== undefined && (await exists(kept))) path = kept;
  else if (ref.version === undefined || (await hashNow(ref.dir, signal)) === ref.hash)
    path = await currentReport(ref.dir);
  return path === undefined
    ? undefined
    : EvalReport.parse(JSON.parse(await readFile(path, "utf8")));
}

const hashNow = async (dir: RunDir, signal: AbortSignal): Promise<string> =>
  (await datasetState(dir.dataset, signal)).dataset;
