/** Llama 2, 3 and 3.1 (Touvron et al. 2023, arXiv 2307.09288), SmolLM2 and what else takes their form. */
import { preNormDecoder, separateAttention, separateGate } from "./pre-norm-decoder.ts";

export const llama = preNormDecoder({
  name: "llama",
  modelTypes: ["llama"],
  attention: separateAttention((config) =>
    config.attention_bias ? ["q_proj", "k_proj", "v_proj", "o_proj"] : [],
  ),
  mlp: separateGate,
});
