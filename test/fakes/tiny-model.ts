/** A very small random Llama with its tokenizer-free examples, for tests of training and generation. */
import { createRandom } from "../../src/core/random.ts";
import { architectureOf } from "../../src/models/architecture.ts";
import type { ModelConfig } from "../../src/models/config.ts";
import type { Model } from "../../src/models/folder.ts";
import { initModel } from "../../src/models/init.ts";
import type { Example } from "../../src/tokenizer/example.ts";

export const tinyConfig: ModelConfig = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 37,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  attention_bias: false,
  mlp_bias: false,
  hidden_act: "silu",
};

/** Same seed, same weights; norms are not all 1, so that a forgotten one shows. */
export function tinyModel(seed: number, config: ModelConfig = tinyConfig): Model {
  const random = createRandom(seed);
  const tensors = initModel(config, random);
  for (const [name, { data }] of tensors) {
    if (name.includes("norm")) data.forEach((_, i) => (data[i] = 1 + 0.2 * random.normal()));
    else if (name.includes("embed")) data.forEach((x, i) => (data[i] = 8 * x));
  }
  return { architecture: architectureOf(config), config, tensors, hash: `tiny-${seed}` };
}

/** How a Trainer trains it. */
export const tinyTraining = {
  sequenceLength: 24,
  microBatch: 2,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  weightDecay: 0.01,
  gradientClip: 1,
  recompute: false,
};

/** An example of random tokens; about half of them trained, the first never. */
export function randomExample(
  seed: number,
  length: number,
  vocab = tinyConfig.vocab_size,
): Example {
  const random = createRandom(seed).fork("example");
  const ids = Int32Array.from({ length }, () => random.integer(0, vocab - 1));
  const trained = Uint8Array.from({ length }, (_, i) => (i > 0 && random.next() < 0.6 ? 1 : 0));
  trained[length - 1] = 1;
  return { id: `example-${seed}`, ids, trained };
}
