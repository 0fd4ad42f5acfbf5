/** Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): Llama's layer with a bias in queries, keys and values. */
import { preNormDecoder, separateAttention, separateGate } from "./pre-norm-decoder.ts";

export const qwen2 = preNormDecoder({
  name: "qwen2",
  modelTypes: ["qwen2"],
  attention: separateAttention(() => ["q_proj", "k_proj", "v_proj"]),
  mlp: separateGate,
  // Shipped configs name a window and leave it off.
  window: (config) => (config.use_sliding_window ? config.sliding_window : undefined),
});
