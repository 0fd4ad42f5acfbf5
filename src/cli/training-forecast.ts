/** What the training stages of a recipe will need, in memory and time: for `inspect`, and before a run. */
import { TwainError } from "../core/errors.ts";
import type { StageName } from "../core/events.ts";
import { type MachineMemory, machineMemory } from "../core/machine-memory.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { type StepSeconds, measureRates, stepSeconds } from "../train/step-seconds.ts";
import { type TrainingMemory, trainingCost } from "../train/training-cost.ts";
import { type StageJob, type TrainingStage, trainingJobs } from "../train/training-jobs.ts";
import type { Encoder } from "./dataset-facts.ts";
import { type Paint, bytes, number, short, wrap } from "./terminal.ts";

export interface StageForecast {
  stage: TrainingStage;
  /** Trained parameters. */
  trainable: number;
  steps: number;
  /** Bytes of resident memory at the peak of the stage, and what they are for. */
  peak: number;
  memory: TrainingMemory;
  seconds: StepSeconds;
  /** Whether every position was taken to be trained, for the rows or their tokens are not known yet. */
  assumed: boolean;
}

/** Measures the machine for a moment. Empty where the base is not there yet. */
export async function forecastTraining(
  recipe: Recipe,
  dir: RunDir,
  encoder: Encoder | undefined,
): Promise<StageForecast[]> {
  const jobs = await trainingJobs(recipe, dir, encoder);
  if (jobs.length === 0) return [];
  const rates = await measureRates();
  const found: StageForecast[] = [];
  for (const { stage, job, assumed } of jobs) {
    const cost = trainingCost(job);
    const { trainable, peak, memory } = cost;
    const seconds = await stepSeconds(cost, rates);
    found.push({ stage, trainable, steps: job.config.steps, peak, memory, seconds, assumed });
  }
  return found;
}

const NAMES = { base: "base", dapt: "dapt", train: "adapter", preference: "preference" } as const;

/** "0.41 s (0.29 to 0.66)": one unit for all three. */
function estimate({ likely, low, high }: StepSeconds): string {
  const [unit, size] = likely < 120 ? (["s", 1] as const) : (["min", 60] as const);
  const text = (seconds: number): string => {
    const value = seconds / size;
    return value < 10 ? value.toPrecision(2) : number(Math.round(value));
  };
  return `${text(likely)} ${unit} (${text(low)} to ${text(high)})`;
}

const WIDTH = 80;

/** A table of at most 80 columns. */
export function forecastText(
  stages: readonly StageForecast[],
  machine: MachineMemory,
  paint: Paint,
): string {
  const lines = stages.map(({ stage, trainable, steps, peak, seconds }) => {
    const range = estimate(seconds);
    return `  ${NAMES[stage].padEnd(11)}${short(trainable).padStart(8)}${bytes(peak).padStart(13)}   ${range.padEnd(28)}${number(steps).padStart(7)}`;
  });
  const parts = stages.map(({ stage, memory }) => {
    const each = Object.entries(memory).map(([name, count]) => `${name} ${bytes(count)}`);
    const [first, ...more] = wrap(each.join(", "), WIDTH - 13);
    return [`  ${NAMES[stage].padEnd(11)}${first}`, ...more.map((line) => " ".repeat(13) + line)];
  });
  const assumed = stages.filter((stage) => stage.assumed);
  const notes = [
    `this machine: ${bytes(machine.limit)}, ${bytes(machine.available)} of them free`,
    "memory is told from the graphs (docs/training.md says how well); time depends on what else runs",
    ...(assumed.length > 0
      ? [
          `${assumed.map(({ stage }) => NAMES[stage]).join(", ")}: rows are not known yet, all their tokens count as trained`,
        ]
      : []),
  ];
  const head = `  ${"stage".padEnd(11)}${"trained".padStart(8)}${"peak memory".padStart(13)}   ${"a step".padEnd(28)}${"steps".padStart(7)}`;
  return `${paint("dim", head)}\n${lines.join("\n")}\n\n${parts.flat().join("\n")}\n${notes
    .flatMap((note) => wrap(note, WIDTH - 2))
    .map((note) => paint("dim", `  ${note}`))
    .join("\n")}\n`;
}

const STAGE_KEYS = {
  base: "base.training",
  dapt: "dapt",
  train: "train",
  preference: "preference",
} as const;

/** Predictions were up to a quarter too high, so only what is beyond that is refused. */
const CLEARLY = 1.25;

/** What to change, most effective first. */
function advice({ stage, job }: StageJob): string {
  const key = STAGE_KEYS[stage];
  const { microBatch, sequenceLength, recompute, gradientAccumulation } = job.config;
  const half = Math.floor(microBatch / 2);
  return [
    ...(recompute === true ? [] : [`${key}.recompute=true`]),
    ...(half >= (stage === "preference" ? 2 : 1)
      ? [`${key}.microBatch=${half} ${key}.gradientAccumulation=${2 * gradientAccumulation}`]
      : []),
    `${key}.sequenceLength=${Math.floor(sequenceLength / 2)}`,
    ...(stage !== "base" && !job.model.quantization ? ["train.quantization=nf4"] : []),
  ].join(", or ");
}

/**
 * Throws `train/not-enough-memory` for one of `stages` that clearly needs more than `machine` has. Returns those that
 * it could tell about: not one whose base is still to be downloaded.
 */
export async function checkMemory(
  recipe: Recipe,
  dir: RunDir,
  stages: readonly StageName[],
  machine: MachineMemory = machineMemory(),
): Promise<StageName[]> {
  if (!stages.some((stage) => Object.hasOwn(STAGE_KEYS, stage))) return [];
  // What is wrong with a base or with targets is for the stage to say, which names it better.
  const jobs = await trainingJobs(recipe, dir).catch((error: unknown) => {
    if (error instanceof TwainError) return [];
    throw error;
  });
  const wanted = jobs.filter(({ stage }) => stages.includes(stage));
  for (const found of wanted) {
    const { peak, memory } = trainingCost(found.job);
    if (peak <= CLEARLY * machine.available) continue;
    const [most, count] = Object.entries(memory).toSorted(([, a], [, b]) => b - a)[0]!;
    throw new TwainError(
      "train/not-enough-memory",
      `stage ${found.stage} of recipe ${recipe.name} would take about ${bytes(peak)} (${most} ${bytes(count)}); ${bytes(machine.available)} of ${bytes(machine.limit)} can be had`,
      { hint: `Try ${advice(found)}. twainbot inspect shows what takes how much.` },
    );
  }
  return wanted.map(({ stage }) => stage);
}
