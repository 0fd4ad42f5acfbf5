/** Mistral 7B (Jiang et al. 2023, arXiv 2310.06825): Llama's layer; v0.1 attends within a sliding window. */
import { preNormDecoder, separateAttention, separateGate } from "./pre-norm-decoder.ts";

/** What a config without the key means; v0.2 and v0.3 write null. */
const DEFAULT_WINDOW = 4096;

export const mistral = preNormDecoder({
  name: "mistral",
  modelTypes: ["mistral"],
  attention: separateAttention(() => []),
  mlp: separateGate,
  window: ({ sliding_window: window }) => (window === undefined ? DEFAULT_WINDOW : window),
});
