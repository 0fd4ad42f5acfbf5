/** Learning rate by step. */
import type { TrainingConfig } from "../core/recipe.ts";

/** For step 1 … `steps`: linear warm-up to `learningRate`, then down to its `finalLearningRate` share. */
export function learningRateAt(
  step: number,
  config: Pick<
    TrainingConfig,
    "steps" | "warmupSteps" | "learningRate" | "finalLearningRate" | "schedule"
  >,
): number {
  const { steps, warmupSteps, learningRate, finalLearningRate } = config;
  if (step <= warmupSteps) return (learningRate * step) / warmupSteps;
  const progress = steps > warmupSteps ? (step - warmupSteps) / (steps - warmupSteps) : 1;
  switch (config.schedule) {
    case "constant":
      return learningRate;
    case "linear":
      return learningRate * (1 - (1 - finalLearningRate) * progress);
    case "cosine":
      return (
        learningRate *
        (finalLearningRate + (1 - finalLearningRate) * 0.5 * (1 + Math.cos(Math.PI * progress)))
      );
  }
}
