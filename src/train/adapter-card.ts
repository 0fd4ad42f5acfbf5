/** README.md of an adapter: what it is, how it was made, how to load it. */
import type { Recipe } from "../core/recipe.ts";

export interface AdapterFacts {
  recipe: Recipe;
  baseName: string;
  modules: number;
  parameters: number;
  bestLoss: number;
  bestStep: number;
  steps: number;
  tokens: number;
  /** How it was trained last, in words. */
  kind: string;
  learningRate: number;
  /** Of the loss. */
  unit: string;
}

export function adapterCard(facts: AdapterFacts): string {
  const { recipe } = facts;
  const { lora } = recipe.train;
  return `---
library_name: peft
base_model: ${JSON.stringify(facts.baseName)}
pipeline_tag: text-generation
tags: [lora, twainbot, tool-calling]
---

# ${recipe.name}

${recipe.description || "A LoRA adapter trained with twainbot."}

| | |
| --- | --- |
| base | ${facts.baseName} |
| base in training | ${recipe.train.quantization === "none" ? "float32" : recipe.train.quantization} |
| ${lora.dora ? "DoRA" : lora.rslora ? "rsLoRA" : "LoRA"} | rank ${lora.rank}, alpha ${lora.alpha}, ${facts.modules} layers, ${facts.parameters.toLocaleString("en")} parameters |
| training | ${facts.kind}, ${facts.steps} steps, ${facts.tokens.toLocaleString("en")} token slots, learning rate ${facts.learningRate} |
| best validation loss | ${facts.bestLoss.toFixed(4)} ${facts.unit}, at step ${facts.bestStep} |

The chat template is in the base's \`tokenizer_config.json\`; train and serve with the same one. What
the adapter was trained on is described by the dataset card of the run (\`dataset/README.md\`).
`;
}
