/** What evaluation, chat and server will need in memory: for `inspect`, and before weights are read. */
import { TwainError } from "../core/errors.ts";
import { type MachineMemory, PROCESS_BYTES, machineMemory } from "../core/machine-memory.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";
import { type DecodingMemory, decodingMemory } from "../generate/decoding-memory.ts";
import { contextLimit } from "../models/context-limit.ts";
import { readConfig } from "../models/folder.ts";
import { loraShapes } from "../models/lora.ts";
import { keptBytes } from "../models/quantize/index.ts";
import { baseFolder } from "../train/base-stage.ts";
import { type ModelShape, loraTrained } from "../train/graphs.ts";
import { scoringActivations } from "../train/training-cost.ts";
import type { StageJob } from "../train/training-jobs.ts";
import { mergesAdapter } from "./merges-adapter.ts";
import { MOST_CONTEXT } from "./most-context.ts";
import { bytes } from "./terminal.ts";

/** Bytes, by what they are for. */
export interface AnsweringMemory extends DecodingMemory {
  /** Node.js, this program and the runtime. */
  readonly process: number;
  /** Of evaluation: rows, questions and answers, the classifier of style, and what of them waits to be collected. */
  readonly data?: number;
}

/** Measured on `nano`, whose model is nearly nothing. */
const EVALUATION_DATA = 200e6;

export interface AnsweringForecast {
  /** Bytes of resident memory at the peak, and what they are for. */
  readonly peak: number;
  readonly memory: AnsweringMemory;
}

/** Predictions were up to a quarter too high, so only what is beyond that is refused. */
export const CLEARLY = 1.25;

const totalOf = (memory: object): number =>
  Object.values(memory).reduce((sum: number, count: number) => sum + count, 0);

const adapterNumbers = (model: ModelShape, recipe: Recipe): number =>
  [...loraShapes(loraTrained(model, recipe.train.lora).modules).values()].reduce(
    (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );

/** The largest of several moments. */
function forecastOf(
  moments: readonly DecodingMemory[],
  beside: { data?: number } = {},
): AnsweringForecast {
  const most = moments.toSorted((a, b) => totalOf(b) - totalOf(a))[0]!;
  const memory = { process: PROCESS_BYTES, ...beside, ...most };
  return { memory, peak: totalOf(memory) };
}

/**
 * Of stage `evaluate`; what is scored and what is answered is not in memory together. `jobs` are the recipe's. The
 * graphs that score are not built where answers alone take more than `most` bytes.
 */
export function forecastEvaluate(
  recipe: Recipe,
  jobs: readonly StageJob[],
  most = Infinity,
): AnsweringForecast | undefined {
  const job = jobs.find(({ stage }) => stage === "train")?.job;
  if (!job) return undefined;
  const { model } = job;
  const { tasks, concurrency, maxTokens } = recipe.evaluate;
  const adapted = adapterNumbers(model, recipe);
  const moments: DecodingMemory[] = [];
  if (tasks.some((task) => task !== "loss")) {
    const merged = mergesAdapter(model);
    for (const moment of decodingMemory({
      model,
      quantization: model.quantization,
      adapted: merged ? 0 : adapted,
      slots: concurrency,
      // Questions are as long as the rows that teach to answer them.
      tokens: Math.min(
        MOST_CONTEXT,
        contextLimit(model.config),
        recipe.train.sequenceLength + maxTokens,
      ),
    })) {
      const { weights, caches, activations } = moment;
      moments.push(merged ? { weights: 2 * weights, caches: 2 * caches, activations } : moment);
    }
    const found = forecastOf(moments, { data: EVALUATION_DATA });
    if (found.peak > most) return found;
  }
  if (tasks.includes("loss")) {
    const read = keptBytes(model.architecture.parameters(model.config), model.quantization);
    // The trainer that scores holds moments beside what is trained.
    moments.push({
      weights: read + 3 * 4 * adapted,
      caches: 0,
      activations: scoringActivations(job),
    });
  }
  return forecastOf(moments, { data: EVALUATION_DATA });
}

export interface Answering {
  /** Sequences that one base and its adapters decode together. */
  readonly slots: number;
  /** Bytes of prompts' beginnings that are kept. */
  readonly prefixBytes: number;
}

/** The bases of runs as they would be opened: one for all runs that name the same folder. */
async function basesOf(
  runs: readonly { recipe: Recipe; dir: RunDir }[],
): Promise<{ model: ModelShape; adapted: number }[]> {
  const bases = new Map<string, { model: ModelShape; adapted: number }>();
  for (const { recipe, dir } of runs) {
    // One that is not there is told by what opens it.
    if (!(await readManifest(dir, "base"))) continue;
    const { quantization } = recipe.train;
    const folder = baseFolder(recipe, dir);
    const key = `${quantization} ${folder}`;
    const model: ModelShape = {
      ...(await readConfig(folder)),
      ...(quantization !== "none" && { quantization }),
    };
    const adapted = (bases.get(key)?.adapted ?? 0) + adapterNumbers(model, recipe);
    bases.set(key, { model, adapted });
  }
  return [...bases.values()];
}

/** Every sequence at its longest, all bases open. */
function forecastAnswers(
  bases: Awaited<ReturnType<typeof basesOf>>,
  { slots, prefixBytes }: Answering,
): AnsweringForecast {
  const sum: Record<keyof DecodingMemory, number> = {
    weights: 0,
    caches: prefixBytes,
    activations: 0,
  };
  for (const { model, adapted } of bases) {
    const { weights, caches, activations } = forecastOf(
      decodingMemory({
        model,
        quantization: model.quantization,
        adapted,
        slots,
        tokens: Math.min(MOST_CONTEXT, contextLimit(model.config)),
      }),
    ).memory;
    sum.weights += weights;
    sum.caches += caches;
    sum.activations += activations;
  }
  return forecastOf([sum]);
}

/** Throws `generate/not-enough-memory` where answering with the models of runs clearly needs more than `machine` has. */
export async function checkAnswering(
  runs: readonly { recipe: Recipe; dir: RunDir }[],
  answering: Answering,
  machine: MachineMemory = machineMemory(),
): Promise<void> {
  const bases = await basesOf(runs);
  const fits = (some: typeof bases, how: Answering): boolean =>
    forecastAnswers(some, how).peak <= CLEARLY * machine.available;
  if (bases.length === 0 || fits(bases, answering)) return;
  const { peak, memory } = forecastAnswers(bases, answering);
  const alone = { slots: 1, prefixBytes: 0 };
  const hint = fits(bases, { ...answering, prefixBytes: 0 })
    ? "Keep no beginnings of prompts: --prefix-cache 0."
    : bases.length > 1
      ? "Open fewer runs, or runs that share a base."
      : answering.slots > 1 && fits(bases, alone)
        ? "twainbot chat, which has one conversation at a time, fits."
        : "Decoding takes float32 weights whatever train.quantization is: choose a smaller base.";
  throw new TwainError(
    "generate/not-enough-memory",
    shortage("answering", { peak, memory }, machine),
    {
      hint,
    },
  );
}

/** What would take how much of how much. */
export function shortage(
  what: string,
  { peak, memory }: { peak: number; memory: object },
  machine: MachineMemory,
): string {
  const parts = Object.entries(memory as Record<string, number>);
  const [most, count] = parts.toSorted(([, a], [, b]) => b - a)[0]!;
  return `${what} would take about ${bytes(peak)} (${most} ${bytes(count)}); ${bytes(machine.available)} of ${bytes(machine.limit)} can be had`;
}
