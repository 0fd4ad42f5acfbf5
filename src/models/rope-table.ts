/** Rotary position tables (Su et al. 2021, arXiv 2104.09864), in Hugging Face's rotate-half layout. */
import { type ModelConfig, headDim } from "./config.ts";

/** `cos` and `sin`, each `[positions, headDim]`: the half `headDim/2` angles `position · theta^(-2i/headDim)`, twice. */
export function ropeTable(
  config: ModelConfig,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  const size = headDim(config);
  const half = size / 2;
  const cos = new Float32Array(positions * size);
  const sin = new Float32Array(positions * size);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < size; i++) {
      const angle = position / config.rope_theta ** ((2 * (i % half)) / size);
      cos[position * size + i] = Math.cos(angle);
      sin[position * size + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}
