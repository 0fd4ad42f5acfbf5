/** Runs stages of a recipe in its run folder, one after another, with progress on stderr. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import type { RunEvent, StageName } from "../core/events.ts";
import type { Recipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { type Manifest, type Stage, readManifest, runStage } from "../core/stage.ts";
import { requireDevices } from "../train/require-devices.ts";
import { freezeRecipe, shortened } from "./freeze-recipe.ts";
import { checkMemory } from "./memory-check.ts";
import { createRenderer } from "./render.ts";
import { lockRun } from "./run-lock.ts";

export interface StageOutcome {
  stage: StageName;
  status: "done" | "up to date";
  seconds: number;
  counts: Record<string, number>;
  dropped: Record<string, number>;
}

export interface StagesOptions {
  /** `--runs`. */
  runs: string;
  /** Plain progress lines. */
  json: boolean;
  signal: AbortSignal;
}

/** The folder of a recipe's run. */
export const runOf = (recipe: Recipe, runs: string): RunDir => runDir(join(runs, recipe.name));

/** What the system says about a folder that cannot be used, as an error with a hint. */
function unusable(root: string, error: unknown): unknown {
  if (error instanceof TwainError || !(error instanceof Error) || !("code" in error)) return error;
  return new TwainError("cli/runs-unwritable", `cannot write in ${root} (${String(error.code)})`, {
    hint: "Choose another folder with --runs DIR.",
    cause: error,
  });
}

/**
 * Checks every stage's part of the recipe, then runs the stages that it has and that are not up to date. Throws
 * `cli/runs-unwritable`, `cli/run-locked`, `engine/no-webgpu`, `train/not-enough-memory`, `generate/not-enough-memory` and what the
 * stages throw.
 */
export async function runStages(
  all: readonly Stage[],
  recipe: Recipe,
  options: StagesOptions,
): Promise<StageOutcome[]> {
  const stages = all.filter((stage) => stage.wanted?.(recipe) ?? true);
  const dir = runOf(recipe, options.runs);
  const told: RunEvent[] = [];
  for (const stage of stages) {
    stage.config(recipe);
    for (const message of (await stage.check?.(recipe, dir, options.signal)) ?? [])
      told.push({ type: "notice", stage: stage.name, message });
  }
  let unlock: () => Promise<void>;
  try {
    await mkdir(dir.root, { recursive: true });
    unlock = await lockRun(dir);
  } catch (error) {
    throw unusable(dir.root, error);
  }
  const renderer = createRenderer(process.stderr, { plain: options.json });
  const outcomes: StageOutcome[] = [];
  try {
    const changes = await freezeRecipe(recipe, dir);
    for (const change of shortened(changes)) process.stderr.write(`  recipe   ${change}\n`);
    for (const notice of told) renderer.show(notice);
    // Before hours are spent on the data: what was never done, or what other settings are asked of. The rest when it starts.
    const changed = changes.some((change) =>
      /^(base|dapt|train|preference|evaluate)\./.test(change),
    );
    const fresh: StageName[] = [];
    for (const { name } of stages)
      if (changed || !(await readManifest(dir, name))) fresh.push(name);
    await requireDevices(recipe, fresh, options.signal);
    const checked = await checkMemory(recipe, dir, fresh);
    for (const stage of stages) {
      let skipped = false;
      let manifest: Manifest | undefined;
      const events = runStage(stage, recipe, dir, options.signal);
      while (!manifest) {
        const next = await events.next();
        if (next.done) manifest = next.value;
        else {
          skipped ||= next.value.type === "stage-skip";
          if (next.value.type === "stage-start" && !checked.includes(stage.name))
            await checkMemory(recipe, dir, [stage.name]);
          renderer.show(next.value);
        }
      }
      renderer.finish(manifest, skipped);
      const { seconds, counts, dropped } = manifest;
      outcomes.push({
        stage: stage.name,
        status: skipped ? "up to date" : "done",
        seconds,
        counts,
        dropped,
      });
    }
    return outcomes;
  } finally {
    renderer.close();
    await unlock();
  }
}
