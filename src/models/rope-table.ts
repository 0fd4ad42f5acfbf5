/** Rotary position tables in Hugging Face's rotate-half layout. */
import { type ModelConfig, headDim } from "./config.ts";
import { refuseLonger } from "./context-limit.ts";
import { rotations } from "./rope-parameters.ts";

/**
 * `cos` and `sin`, each `[positions, headDim]`: the angles `position · frequency` of the `headDim/2` pairs,
 * twice. Throws `model/unsupported` where the checkpoint would compute something else at that length.
 */
export function ropeTable(
  config: ModelConfig,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  refuseLonger(config, positions);
  const size = headDim(config);
  const { frequencies, scale } = rotations(config);
  const cos = new Float32Array(positions * size);
  const sin = new Float32Array(positions * size);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < size; i++) {
      const angle = position * frequencies[i % frequencies.length]!;
      cos[position * size + i] = scale * Math.cos(angle);
      sin[position * size + i] = scale * Math.sin(angle);
    }
  }
  return { cos, sin };
}
