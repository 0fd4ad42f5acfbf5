/** The whole line in minutes, on what the repository ships: no network, no GPU, no key. */
import { defineRecipe } from "../src/core/recipe.ts";

export default defineRecipe({
  name: "nano",
  description:
    "TwainBot in miniature: a small Llama from scratch, then a LoRA that gives it a voice and the weather tools",
  seed: 1,
  data: {
    sources: [{ kind: "bundled", sets: ["twain", "franklin", "headlines", "jokes", "neutral"] }],
  },
  curate: {
    // Rare words are spelled letter by letter: longer passages would not fit a row.
    chunk: { minWords: 20, maxWords: 50 },
    drills: 16_000,
    episodes: { train: 9000, cases: 120 },
  },
  base: {
    kind: "scratch",
    vocabSize: 3072,
    hidden: 192,
    intermediate: 512,
    layers: 4,
    heads: 6,
    kvHeads: 6,
    context: 512,
    training: {
      steps: 600,
      sequenceLength: 192,
      microBatch: 12,
      learningRate: 3e-3,
      warmupSteps: 40,
      finalLearningRate: 0.05,
      validEvery: 300,
      validRows: 256,
      saveEvery: 300,
    },
  },
  train: {
    steps: 800,
    sequenceLength: 320,
    microBatch: 7,
    learningRate: 2.5e-3,
    warmupSteps: 20,
    finalLearningRate: 0.05,
    validEvery: 400,
    validRows: 256,
    saveEvery: 200,
    lora: { rank: 32, alpha: 64 },
    mixture: {
      tool: 0.72,
      "tool-error": 0.04,
      "missing-location": 0.05,
      "no-tool": 0.07,
      humour: 0.06,
      literary: 0.06,
    },
  },
  evaluate: { samples: 80, maxTokens: 110 },
});
