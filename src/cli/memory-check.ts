/** Stops a run that cannot fit into memory before it starts, and says which settings would make it fit. */
import { TwainError } from "../core/errors.ts";
import type { StageName } from "../core/events.ts";
import { type MachineMemory, machineMemory } from "../core/machine-memory.ts";
import { type Recipe, applyOverrides, parseRecipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { keptBytes } from "../models/quantize/index.ts";
import { trainingCost } from "../train/training-cost.ts";
import { type StageJob, trainingJobs } from "../train/training-jobs.ts";
import { CLEARLY, forecastEvaluate, shortage } from "./answering-forecast.ts";
import { bytes } from "./terminal.ts";

const STAGE_KEYS = {
  base: "base.training",
  dapt: "dapt",
  train: "train",
  preference: "preference",
} as const;

/** No example fits into fewer tokens. */
const SHORTEST = 64;

/** Overrides, each list of which belongs together; what costs least comes first. */
type Change = readonly string[];

function trainingChanges({ stage, job }: StageJob): Change[] {
  const key = STAGE_KEYS[stage];
  const { microBatch, sequenceLength, recompute, gradientAccumulation } = job.config;
  const least = stage === "preference" ? 2 : 1;
  const batches = [Math.floor(microBatch / 2), least].filter(
    (rows, i, all) => rows >= least && rows < microBatch && all.indexOf(rows) === i,
  );
  const lengths = [2, 4]
    .map((part) => Math.floor(sequenceLength / part))
    .filter((length) => length >= SHORTEST);
  return [
    ...(recompute === true ? [] : [[`${key}.recompute=true`]]),
    ...batches.map((rows) => [
      `${key}.microBatch=${rows}`,
      `${key}.gradientAccumulation=${Math.ceil(microBatch / rows) * gradientAccumulation}`,
    ]),
    ...(stage === "base" || job.model.quantization ? [] : [["train.quantization=nf4"]]),
    ...lengths.map((length) => [`${key}.sequenceLength=${length}`]),
  ];
}

function evaluateChanges({ evaluate, train }: Recipe): Change[] {
  const { concurrency } = evaluate;
  return [
    ...[8, 1]
      .filter((chats) => chats < concurrency)
      .map((chats) => [`evaluate.concurrency=${chats}`]),
    ...(evaluate.tasks.includes("loss") ? [['evaluate.tasks=["loss"]']] : []),
    ...(train.quantization === "none" ? [["train.quantization=nf4"]] : []),
    ...(train.microBatch > 1 ? [["train.microBatch=1"]] : []),
  ];
}

const keyOf = (override: string): string => override.slice(0, override.indexOf("="));

/** The changes that make it fit: as many of the first ones as it takes, less those that are not needed. */
async function firstThatFits(
  changes: readonly Change[],
  fits: (overrides: readonly string[]) => Promise<boolean>,
): Promise<string[] | undefined> {
  for (let count = 1; count <= changes.length; count++) {
    let chosen = changes.slice(0, count);
    if (!(await fits(chosen.flat()))) continue;
    for (const change of chosen.slice(0, -1)) {
      const fewer = chosen.filter((other) => other !== change);
      if (await fits(fewer.flat())) chosen = fewer;
    }
    return [...new Map(chosen.flat().map((override) => [keyOf(override), override])).values()];
  }
  return undefined;
}

const quoted = (override: string): string => (/["[\]]/.test(override) ? `'${override}'` : override);

/** A forecast, or where weights are more than there is what they take: their graphs need not be built. */
type Told = { peak: number; memory: object };

function training({ job }: StageJob, most: number): Told {
  const { architecture, config, quantization } = job.model;
  const weights = keptBytes(architecture.parameters(config), quantization);
  return weights > most ? { peak: weights, memory: { weights } } : trainingCost(job);
}

/**
 * Throws `train/not-enough-memory` for a training stage of `stages` that clearly needs more than `machine` has, and
 * `generate/not-enough-memory` for `evaluate`. Returns those that it could tell about: not one whose base is still to be
 * downloaded.
 */
export async function checkMemory(
  recipe: Recipe,
  dir: RunDir,
  stages: readonly StageName[],
  machine: MachineMemory = machineMemory(),
): Promise<StageName[]> {
  if (!stages.some((stage) => stage === "evaluate" || Object.hasOwn(STAGE_KEYS, stage))) return [];
  // What is wrong with a base or with targets is for the stage to say, which names it better.
  const jobsOf = (of: Recipe): Promise<StageJob[]> =>
    trainingJobs(of, dir).catch((error: unknown) => {
      if (error instanceof TwainError) return [];
      throw error;
    });
  const most = CLEARLY * machine.available;
  const jobs = await jobsOf(recipe);
  const wanted = jobs.filter(({ stage }) => stages.includes(stage));
  const told: StageName[] = [];
  const check = async (
    stage: StageName,
    changes: () => Change[],
    tell: (of: Recipe, its: readonly StageJob[]) => Told | undefined,
  ): Promise<void> => {
    const found = tell(recipe, jobs);
    if (!found) return;
    told.push(stage);
    if (found.peak <= most) return;
    const changed = await firstThatFits(changes(), async (overrides) => {
      const other = parseRecipe(applyOverrides(recipe, overrides), recipe.name);
      const peak = tell(other, await jobsOf(other))?.peak;
      return peak !== undefined && peak <= most;
    });
    throw new TwainError(
      stage === "evaluate" ? "generate/not-enough-memory" : "train/not-enough-memory",
      shortage(`stage ${stage} of recipe ${recipe.name}`, found, machine),
      { hint: hintFor(stage, changed, jobs[0]!) },
    );
  };
  for (const job of wanted)
    await check(
      job.stage,
      () => trainingChanges(job),
      (_, all) => {
        const same = all.find(({ stage }) => stage === job.stage);
        return same && training(same, most);
      },
    );
  if (stages.includes("evaluate"))
    await check(
      "evaluate",
      () => evaluateChanges(recipe),
      (of, its) => forecastEvaluate(of, its, most),
    );
  return told;
}

function hintFor(
  stage: StageName,
  changed: readonly string[] | undefined,
  { job }: StageJob,
): string {
  const shows = "twainbot inspect shows what takes how much.";
  if (changed) return `${changed.map(quoted).join(" ")} makes it fit. ${shows}`;
  const { architecture, config } = job.model;
  const least = keptBytes(architecture.parameters(config), stage === "base" ? undefined : "nf4");
  return `No setting makes it fit: choose a smaller base (this one's weights take ${bytes(least)}${stage === "base" ? "" : " as nf4"}). ${shows}`;
}
