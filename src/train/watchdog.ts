/** Notices that training has come apart: a loss far above what it was, for many steps on end. */
import { TwainError } from "../core/errors.ts";
import { writeFileAtomic } from "../core/atomic-file.ts";
import type { TrainingConfig } from "../core/recipe.ts";
import type { PackedBatch } from "./packing.ts";

/** Losses before there is a median to go by. */
const FEWEST = 5;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/**
 * Takes the losses in order; answers in words once `steps` of them on end were over `factor` times the
 * median of the last `window` losses that were not. A pure function of the losses, so a resumed run feeds
 * it the old ones again.
 */
export function createWatchdog({
  factor,
  steps,
  window,
}: TrainingConfig["watchdog"]): (loss: number) => string | undefined {
  const healthy: number[] = [];
  let over = 0;
  return (loss) => {
    const usual = healthy.length < FEWEST ? Number.POSITIVE_INFINITY : median(healthy);
    if (factor === 0 || loss <= factor * usual) {
      over = 0;
      healthy.push(loss);
      if (healthy.length > window) healthy.shift();
      return undefined;
    }
    over++;
    if (over < steps) return undefined;
    return `the loss is ${loss.toFixed(4)}, and has been over ${factor} times its median of ${usual.toFixed(4)} for ${over} steps`;
  };
}

/** Writes what a step was trained on: for each micro-batch its rows with their ids, tokens and which are trained. */
export async function writeBadBatch(
  path: string,
  facts: { step: number; problem: string },
  window: readonly PackedBatch[],
): Promise<void> {
  const batches = window.map(({ placements }) =>
    placements.map(({ example, row, start }) => ({
      id: example.id,
      row,
      start,
      tokens: [...example.ids],
      trained: [...example.trained],
    })),
  );
  await writeFileAtomic(path, `${JSON.stringify({ ...facts, batches })}\n`);
}

/** The error of a step that cannot be trained on, with the batch that caused it written to `path`. */
export async function badStep(
  code: "train/bad-loss" | "train/diverged",
  path: string,
  facts: { step: number; problem: string },
  window: readonly PackedBatch[],
): Promise<TwainError> {
  await writeBadBatch(path, facts, window);
  return new TwainError(
    code,
    `step ${facts.step}: ${facts.problem}; its tokens and row ids are in ${path}`,
    {
      hint: "Lower the learning rate or raise warmupSteps; if it is always the same rows, look at them. Run again, training goes on from the last checkpoint.",
    },
  );
}
