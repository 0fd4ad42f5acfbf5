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
    // Rare words are spelled: longer passages would not fit a row.
    chunk: { minWords: 20, maxWords: 50 },
    drills: 16_000,
    episodes: { train: 9000, cases: 120, answers: 12 },
  },
  base: {
    kind: "scratch",
    vocabSize: 3072,
    hidden: 128,
    intermediate: 384,
    layers: 4,
    heads: 4,
    kvHeads: 4,
    context: 512,
    mixture: { echo: 0.25, drill: 0.65, text: 0.1 },
    training: {
      steps: 800,
      sequenceLength: 192,
      microBatch: 12,
      optimizer: "muon",
      learningRate: 6e-3,
      warmupSteps: 40,
      finalLearningRate: 0.05,
      validEvery: 400,
      validRows: 256,
      saveEvery: 400,
    },
  },
  train: {
    // Small steps, many of them: at equal tokens they teach the adapter more than few large ones.
    steps: 1650,
    sequenceLength: 384,
    microBatch: 3,
    optimizer: "muon",
    learningRate: 8e-3,
    warmupSteps: 40,
    finalLearningRate: 0.05,
    validEvery: 825,
    validRows: 256,
    saveEvery: 550,
    lora: { rank: 64, alpha: 128 },
    // Passages and jokes are more than these minutes teach: with them, small talk is loops of half a word.
    mixture: { tool: 0.74, "tool-error": 0.05, "missing-location": 0.09, "no-tool": 0.12 },
  },
  evaluate: { samples: 80, maxTokens: 110 },
});
