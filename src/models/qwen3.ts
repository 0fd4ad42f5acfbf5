/** Qwen 3, dense (arXiv 2505.09388): each query and key head is normalised before it is rotated. */
import { headDim } from "./config.ts";
import { preNormDecoder, separateAttention, separateGate } from "./pre-norm-decoder.ts";

const attention = separateAttention((config) =>
  config.attention_bias ? ["q_proj", "k_proj", "v_proj", "o_proj"] : [],
);

export const qwen3 = preNormDecoder({
  name: "qwen3",
  modelTypes: ["qwen3"],
  attention: {
    ...attention,
    norms: (config) => [
      ["self_attn.q_norm", headDim(config)],
      ["self_attn.k_norm", headDim(config)],
    ],
    project(config, layer, x) {
      const { query, key, value } = attention.project(config, layer, x);
      return {
        query: layer.norm("self_attn.q_norm", query),
        key: layer.norm("self_attn.k_norm", key),
        value,
      };
    },
  },
  mlp: separateGate,
  window: (config) => (config.use_sliding_window ? config.sliding_window : undefined),
});
