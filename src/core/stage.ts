/**
 * A stage reads what earlier stages wrote, writes files of its own, and narrates as it goes. It is
 * skipped when its manifest, written last, says that the same work is already done.
 */
import { mkdir, readFile, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { z } from "zod";
import { appendText, removeTemporaries, writeFileAtomic } from "./atomic-file.ts";
import { TwainError } from "./errors.ts";
import { type RunEvent, StageName } from "./events.ts";
import { fingerprint, hashFile } from "./hash.ts";
import type { Recipe } from "./recipe.ts";
import type { RunDir } from "./run-dir.ts";
import { versions } from "./versions.ts";

export interface StageContext<Config> {
  readonly recipe: Recipe;
  readonly config: Config;
  readonly dir: RunDir;
  /** Of the whole work of this stage; a stage keeps partial work under it so that a resume can tell it apart. */
  readonly fingerprint: string;
  readonly signal: AbortSignal;
}

export interface StageResult {
  /** Absolute paths of the files that make the stage complete. */
  outputs: string[];
  /**
   * Further ones that later stages do not read, or name among their own inputs: a change of these alone makes no
   * other stage run anew.
   */
  asides?: string[];
  counts: Record<string, number>;
  /** Drops by reason. */
  dropped?: Record<string, number>;
}

export interface Stage<Config = unknown> {
  readonly name: StageName;
  /** Whether a recipe has this stage; every recipe has one that does not say. */
  wanted?(recipe: Recipe): boolean;
  /** Earlier stages whose outputs this one reads. */
  readonly needs: readonly StageName[];
  /** Further ones, of those that only some recipes have. */
  alsoNeeds?(recipe: Recipe): readonly StageName[];
  /** The slice of the recipe that it reads: checked before anything runs, and part of the fingerprint. */
  config(recipe: Recipe): Config;
  /**
   * Throws what can be told from the recipe, and from files that are there, before any stage runs. Done at every run:
   * it takes moments. Returns lines of what is only worth a word.
   */
  check?(recipe: Recipe, dir: RunDir, signal: AbortSignal): Promise<readonly string[] | undefined>;
  /** What else decides the result, such as the bytes of the shipped corpus. */
  inputs?(config: Config, dir: RunDir, recipe: Recipe): Promise<unknown>;
  /** Whether files that it uses outside the run are still what they were; where not, it is not up to date. */
  intact?(config: Config): Promise<boolean>;
  run(context: StageContext<Config>): AsyncGenerator<RunEvent, StageResult>;
}

export const Manifest = z.object({
  schema: z.literal(1),
  stage: StageName,
  fingerprint: z.string(),
  inputs: z.record(z.string(), z.string()),
  outputs: z.array(
    z.object({
      path: z.string(),
      sha256: z.string(),
      bytes: z.number(),
      aside: z.boolean().optional(),
    }),
  ),
  counts: z.record(z.string(), z.number()),
  dropped: z.record(z.string(), z.number()),
  seconds: z.number(),
  versions: z.record(z.string(), z.string()),
});
export type Manifest = z.infer<typeof Manifest>;

/** The manifest of a stage, or undefined where it is absent or unreadable (then the stage runs again). */
export async function readManifest(dir: RunDir, stage: StageName): Promise<Manifest | undefined> {
  try {
    return Manifest.parse(JSON.parse(await readFile(dir.manifest(stage), "utf8")));
  } catch {
    return undefined;
  }
}

/** True when every output is there with the recorded bytes. */
export async function outputsMatch(dir: RunDir, manifest: Manifest): Promise<boolean> {
  for (const output of manifest.outputs) {
    const path = join(dir.root, output.path);
    const found = await stat(path).catch(() => undefined);
    if (!found || found.size !== output.bytes) return false;
    if ((await hashFile(path)).sha256 !== output.sha256) return false;
  }
  return true;
}

/** One hash over what a finished stage left behind. */
export const outputsFingerprint = (manifest: Manifest): string =>
  fingerprint(
    manifest.outputs
      .filter(({ aside }) => !aside)
      .map(({ path, sha256 }) => [
        // Outside the run (a cache) the place says nothing about the work.
        path.startsWith("..") ? basename(path) : path,
        sha256,
      ]),
  );

async function inputFingerprints(
  stage: Stage,
  recipe: Recipe,
  dir: RunDir,
): Promise<Record<string, string>> {
  const inputs: Record<string, string> = {};
  for (const name of [...stage.needs, ...(stage.alsoNeeds?.(recipe) ?? [])]) {
    const manifest = await readManifest(dir, name);
    if (!manifest || !(await outputsMatch(dir, manifest))) {
      throw new TwainError(
        "core/stage-missing",
        `${stage.name} needs the results of ${name}, which are not complete in ${dir.root}`,
        {
          hint: `Run the stages before it first: twainbot run does all of them and skips what is up to date.`,
        },
      );
    }
    inputs[name] = outputsFingerprint(manifest);
  }
  return inputs;
}

/**
 * Runs a stage unless its manifest already matches. Every event is yielded and appended to
 * `events.jsonl`; the manifest is written last. Half-written files of a run that was killed go first, so nobody else
 * may be at work in the run.
 */
export async function* runStage<Config>(
  stage: Stage<Config>,
  recipe: Recipe,
  dir: RunDir,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, Manifest> {
  const record = async (event: RunEvent): Promise<RunEvent> => {
    await appendText(dir.events, `${JSON.stringify(event)}\n`);
    return event;
  };
  for (const folder of dir.folders(stage.name)) await removeTemporaries(folder);
  const config = stage.config(recipe);
  const inputs = await inputFingerprints(stage as Stage, recipe, dir);
  const own = fingerprint({
    stage: stage.name,
    seed: recipe.seed,
    config,
    inputs,
    extra: (await stage.inputs?.(config, dir, recipe)) ?? null,
    package: versions().twainbot,
  });

  const previous = await readManifest(dir, stage.name);
  const done = previous?.fingerprint === own && (await outputsMatch(dir, previous));
  if (done && ((await stage.intact?.(config)) ?? true)) {
    yield await record({ type: "stage-skip", stage: stage.name, reason: "up to date" });
    return previous;
  }

  await mkdir(dir.root, { recursive: true });
  const started = performance.now();
  yield await record({
    type: "stage-start",
    stage: stage.name,
    fingerprint: own,
    at: new Date().toISOString(),
  });
  const work = stage.run({ recipe, config, dir, fingerprint: own, signal });
  let next = await work.next();
  try {
    while (!next.done) {
      yield await record(next.value);
      // An abort is the stage's to notice: training saves a checkpoint before it stops.
      next = await work.next();
    }
  } finally {
    if (!next.done) await work.return(undefined as never);
  }
  const seconds = (performance.now() - started) / 1000;
  const outputs: Manifest["outputs"] = [];
  for (const path of next.value.outputs)
    outputs.push({ path: relative(dir.root, path), ...(await hashFile(path)) });
  for (const path of next.value.asides ?? [])
    outputs.push({ path: relative(dir.root, path), ...(await hashFile(path)), aside: true });
  const manifest: Manifest = {
    schema: 1,
    stage: stage.name,
    fingerprint: own,
    inputs,
    outputs,
    counts: next.value.counts,
    dropped: next.value.dropped ?? {},
    seconds: Math.round(seconds * 100) / 100,
    versions: versions(),
  };
  await writeFileAtomic(dir.manifest(stage.name), `${JSON.stringify(manifest, null, 2)}\n`);
  yield await record({ type: "stage-end", stage: stage.name, seconds: manifest.seconds });
  return manifest;
}
