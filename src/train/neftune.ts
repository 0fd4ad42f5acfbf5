/** NEFTune (Jain et al. 2023, arXiv 2310.05914): uniform noise on the embeddings while training. */
import type { Random } from "../core/random.ts";
import { type Graph, type Tensor, add, gather, reshape } from "../engine/index.ts";
import type { Weights } from "../models/weights.ts";
import type { PackedBatch } from "./packing.ts";

/**
 * What is fed as `embeddingNoise`, `[rows, length, hidden]`: uniform in ±alpha / √(L · hidden) with L the
 * length of the example that a token belongs to, zero on padding.
 */
export function embeddingNoise(
  random: Random,
  batch: PackedBatch,
  hidden: number,
  alpha: number,
): Float32Array {
  const noise = new Float32Array(batch.rows * batch.length * hidden);
  for (const { example, row, start } of batch.placements) {
    const bound = alpha / Math.sqrt(example.ids.length * hidden);
    const from = (row * batch.length + start) * hidden;
    for (let i = from; i < from + example.ids.length * hidden; i++)
      noise[i] = bound * (2 * random.next() - 1);
  }
  return noise;
}

/**
 * Weights and ids under which a model reads noisy embeddings and knows nothing of it: the table holds
 * this batch's own embeddings, one row a position, and the ids count them. The output layer keeps `weights`.
 */
export function noisyEmbeddings(
  graph: Graph,
  weights: Weights,
  ids: Tensor,
  hidden: number,
): { weights: Weights; ids: Tensor } {
  const [rows, length] = ids.shape as [number, number];
  const noise = graph.input("embeddingNoise", "float32", [rows, length, hidden]);
  const name = "model.embed_tokens.weight";
  const table = reshape(add(gather(weights.tensor(name), ids, 0), noise), [rows * length, hidden]);
  const count = BigInt64Array.from({ length: rows * length }, (_, i) => BigInt(i));
  return {
    weights: { ...weights, tensor: (asked) => (asked === name ? table : weights.tensor(asked)) },
    ids: graph.constant(count, "int64", [rows, length]),
  };
}
