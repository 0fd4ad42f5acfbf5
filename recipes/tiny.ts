/** Every stage in about a minute on slow cores: for tests and for trying a change, not for a useful model. */
import { defineRecipe } from "../src/core/recipe.ts";

export default defineRecipe({
  name: "tiny",
  description: "A smoke run: too small to learn anything",
  seed: 1,
  data: {
    sources: [{ kind: "bundled", sets: ["twain", "franklin", "headlines", "jokes", "neutral"] }],
  },
  curate: {
    chunk: { minWords: 20, maxWords: 50 },
    drills: 200,
    episodes: { train: 150, cases: 6 },
  },
  base: {
    kind: "scratch",
    vocabSize: 2048,
    hidden: 48,
    intermediate: 96,
    layers: 2,
    heads: 4,
    kvHeads: 2,
    context: 384,
    training: {
      steps: 20,
      sequenceLength: 384,
      microBatch: 4,
      learningRate: 4e-3,
      warmupSteps: 5,
      validEvery: 10,
      validRows: 16,
      saveEvery: 10,
    },
  },
  train: {
    steps: 20,
    sequenceLength: 384,
    microBatch: 4,
    learningRate: 4e-3,
    warmupSteps: 5,
    validEvery: 10,
    validRows: 16,
    saveEvery: 5,
    lora: { rank: 4, alpha: 8 },
  },
  evaluate: { samples: 4, maxTokens: 24, bootstrap: 200 },
});
