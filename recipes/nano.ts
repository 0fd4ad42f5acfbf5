/** The whole line in minutes, on what the repository ships: no network, no GPU, no key. */
import { defineRecipe } from "../src/core/recipe.ts";

export default defineRecipe({
  name: "nano",
  description: "TwainBot in miniature: a small Llama from scratch, then a LoRA that gives it a voice and the weather tools",
  seed: 1,
  data: { sources: [{ kind: "bundled", sets: ["twain", "franklin", "headlines", "jokes", "neutral"] }] },
  curate: {
    drills: 16_000,
    episodes: { train: 7000, cases: 120 },
  },
  base: {
    kind: "scratch",
    vocabSize: 1536,
    hidden: 128,
    intermediate: 384,
    layers: 4,
    heads: 4,
    kvHeads: 2,
    context: 384,
    training: { steps: 600, sequenceLength: 256, microBatch: 12, learningRate: 4e-3, warmupSteps: 40, validEvery: 150, validRows: 128, saveEvery: 150 },
  },
  train: {
    steps: 350,
    sequenceLength: 256,
    microBatch: 16,
    learningRate: 4e-3,
    warmupSteps: 20,
    validEvery: 100,
    validRows: 128,
    saveEvery: 100,
    lora: { rank: 16, alpha: 32 },
    mixture: { tool: 0.62, "tool-error": 0.04, "missing-location": 0.05, "no-tool": 0.09, humour: 0.1, literary: 0.1 },
  },
  evaluate: { samples: 100, maxTokens: 110 },
});
