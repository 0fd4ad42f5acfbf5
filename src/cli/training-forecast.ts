/** What the stages that run a model will need, in memory and time, for `inspect`. */
import type { MachineMemory } from "../core/machine-memory.ts";
import { type StepSeconds, measureRates, stepSeconds } from "../train/step-seconds.ts";
import { type TrainingMemory, trainingCost } from "../train/training-cost.ts";
import { type StageJob, type TrainingStage } from "../train/training-jobs.ts";
import type { AnsweringForecast } from "./answering-forecast.ts";
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

/** Measures the machine for a moment. */
export async function forecastTraining(jobs: readonly StageJob[]): Promise<StageForecast[]> {
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
  evaluate: AnsweringForecast | undefined,
  machine: MachineMemory,
  paint: Paint,
): string {
  const lines = stages.map(({ stage, trainable, steps, peak, seconds }) => {
    const range = estimate(seconds);
    return `  ${NAMES[stage].padEnd(11)}${short(trainable).padStart(8)}${bytes(peak).padStart(13)}   ${range.padEnd(28)}${number(steps).padStart(7)}`;
  });
  if (evaluate) lines.push(`  ${"evaluate".padEnd(19)}${bytes(evaluate.peak).padStart(13)}`);
  const parts = [
    ...stages.map(({ stage, memory }) => ({ name: NAMES[stage], memory })),
    ...(evaluate ? [{ name: "evaluate", memory: evaluate.memory }] : []),
  ].map(({ name, memory }) => {
    const each = Object.entries(memory).map(([part, count]) => `${part} ${bytes(count)}`);
    const [first, ...more] = wrap(each.join(", "), WIDTH - 13);
    return [`  ${name.padEnd(11)}${first}`, ...more.map((line) => " ".repeat(13) + line)];
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
