/** Start values for a model trained from scratch. */
import type { Random } from "../core/random.ts";
import type { ScratchBaseConfig } from "../core/recipe.ts";
import { architectureOf } from "./architecture.ts";
import type { ModelConfig } from "./config.ts";
import type { StoredTensor } from "./safetensors.ts";

/** The Llama config of a recipe's `base`, for a vocabulary and its special ids. */
export function scratchConfig(
  base: ScratchBaseConfig,
  vocabSize: number,
  bos: number,
  eos: number,
): ModelConfig {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: vocabSize,
    hidden_size: base.hidden,
    intermediate_size: base.intermediate,
    num_hidden_layers: base.layers,
    num_attention_heads: base.heads,
    num_key_value_heads: base.kvHeads,
    head_dim: base.hidden / base.heads,
    max_position_embeddings: base.context,
    rms_norm_eps: 1e-5,
    rope_theta: base.ropeTheta,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    hidden_act: "silu",
    bos_token_id: bos,
    eos_token_id: eos,
    torch_dtype: "float32",
  };
}

/**
 * Normal with standard deviation 1/√in; the two projections that write into the residual stream are
 * smaller by √(2 · layers) (GPT-2), so that its variance does not grow with depth.
 */
export function initModel(config: ModelConfig, random: Random): Map<string, StoredTensor> {
  const residual = 1 / Math.sqrt(2 * config.num_hidden_layers);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape, kind }] of architectureOf(config).parameters(config)) {
    const length = shape.reduce((a, b) => a * b, 1);
    const own = random.fork(name);
    const data = new Float32Array(length);
    if (kind === "norm") data.fill(1);
    else if (kind !== "bias") {
      const writes = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
      const deviation =
        kind === "embedding" || kind === "output"
          ? 0.05
          : (writes ? residual : 1) / Math.sqrt(shape.at(-1)!);
      for (let i = 0; i < length; i++) data[i] = own.normal() * deviation;
    }
    tensors.set(name, { shape, data });
  }
  return tensors;
}
