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
    drills: 16_000,
    episodes: { train: 7000, cases: 120 },
  },
  base: {
    kind: "scratch",
    vocabSize: 2048,
    hidden: 128,
    intermediate: 384,
    layers: 4,
    heads: 4,
    kvHeads: 4,
    context: 384,
    training: {
      steps: 500,
      sequenceLength: 256,
      microBatch: 8,
      learningRate: 4e-3,
      warmupSteps: 40,
      validEvery: 250,
      validRows: 256,
      saveEvery: 250,
    },
  },
  train: {
    steps: 720,
    sequenceLength: 256,
    microBatch: 8,
    learningRate: 3e-3,
    warmupSteps: 20,
    validEvery: 240,
    validRows: 256,
    saveEvery: 240,
    lora: { rank: 32, alpha: 64 },
    mixture: {
      tool: 0.7,
      "tool-error": 0.04,
      "missing-location": 0.05,
      "no-tool": 0.08,
      humour: 0.07,
      literary: 0.06,
    },
  },
  evaluate: { samples: 80, maxTokens: 110 },
});
