/** Scaled dot-product attention over grouped heads, without copying keys and values for each query head. */
import { type Tensor, add, checkpoint, matmul, reshape, scale, softmax } from "../engine/index.ts";

/** `[batch, heads, tokens, d]` as `[batch, kvHeads, group · tokens, d]`: the query heads of one key head side by side. */
export function groupQueries(query: Tensor, keyHeads: number): Tensor {
  const [batch, heads, tokens, size] = query.shape as [number, number, number, number];
  return reshape(query, [batch, keyHeads, (heads / keyHeads) * tokens, size]);
}

/** Scores `[batch, kvHeads, group, tokens, keys]` of grouped queries against keys, plus `mask` that broadcasts to it. */
export function groupedScores(grouped: Tensor, tokens: number, key: Tensor, mask: Tensor): Tensor {
  const [batch, keyHeads, rows, size] = grouped.shape as [number, number, number, number];
  const scores = matmul(scale(grouped, 1 / Math.sqrt(size)), key, { transB: true });
  return add(reshape(scores, [batch, keyHeads, rows / tokens, tokens, key.shape[2]!]), mask);
}

/**
 * Attention of a whole sequence on itself. `query` is `[batch, heads, tokens, d]`, `key` and `value`
 * `[batch, kvHeads, tokens, d]`, `mask` `[batch, 1, 1, tokens, tokens]` with 0 where a token may look.
 */
export function selfAttention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor): Tensor {
  const [batch, heads, tokens, size] = query.shape as [number, number, number, number];
  const keyHeads = key.shape[1]!;
  const probabilities = softmax(groupedScores(groupQueries(query, keyHeads), tokens, key, mask));
  const grouped = reshape(probabilities, [batch, keyHeads, (heads / keyHeads) * tokens, tokens]);
  return reshape(matmul(grouped, value), [batch, heads, tokens, size]);
}

/** `selfAttention`, whose scores are not kept: `[batch, heads, tokens, tokens]` is the largest value of a layer. */
export const recomputedAttention: typeof selfAttention = (query, key, value, mask) =>
  checkpoint([query, key, value], ([q, k, v]) => selfAttention(q!, k!, v!, mask));
