/** Everything that the data side can do, on real input, for a real base model. */
import { defineRecipe } from "../src/core/recipe.ts";
import weekend from "./weekend-nano.ts";

export default defineRecipe({
  name: "full",
  description:
    "TwainBot on a small pretrained model: two voices, weather humour, and tools under any name",
  seed: 1,
  data: weekend.data,
  curate: {
    editionNotes: "drop",
    decontaminate: {},
    instructions: { perDocument: 1, maxPerTemplate: 1500, written: 2500, tagged: 0.3 },
    episodes: {
      train: 5800,
      cases: 100,
      renamed: 0.35,
      // The nine categories of the reference mix, single questions shared with dated ones and comparisons.
      mix: {
        single: 0.11,
        dated: 0.04,
        comparison: 0.03,
        distractor: 0.1,
        parallel: 0.07,
        dependent: 0.07,
        "follow-up": 0.07,
        "missing-location": 0.07,
        irrelevant: 0.055,
        "no-tool": 0.045,
        failure: 0.035,
        hybrid: 0.31,
      },
    },
    // 40 % literary, 30 % humour, 20 % tool, 10 % hybrid.
    balance: {},
  },
  base: { kind: "hub", name: "HuggingFaceTB/SmolLM2-135M-Instruct" },
  train: {
    steps: 1500,
    sequenceLength: 1024,
    microBatch: 4,
    gradientAccumulation: 4,
    learningRate: 3e-4,
    warmupSteps: 50,
    recompute: "selective",
    lora: { rank: 16, alpha: 32 },
    mixture: {
      literary: 0.4,
      humour: 0.3,
      tool: 0.14,
      "no-tool": 0.025,
      "missing-location": 0.02,
      "tool-error": 0.015,
      hybrid: 0.1,
    },
  },
});
