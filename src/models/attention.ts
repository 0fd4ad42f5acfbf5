/** Scaled dot-product attention over grouped heads, without copying keys and values for each query head. */
import {
  type Tensor,
  add,
  after,
  matmul,
  mul,
  reduceSum,
  reshape,
  scale,
  softmax,
  sub,
  withGradient,
} from "../engine/index.ts";

/** What attention gives, and what its gradient is computed from. */
interface Attended {
  readonly output: Tensor;
  /** Gradients of query, key and value. With `recompute` the probabilities are computed again, when `dy` is there. */
  backward(dy: Tensor, options: { recompute: boolean }): [Tensor, Tensor, Tensor];
}

/** `selfAttention` without a place in the graph's own differentiation. */
export function attended(query: Tensor, key: Tensor, value: Tensor, mask: Tensor): Attended {
  const [batch, heads, tokens, size] = query.shape as [number, number, number, number];
  const keyHeads = key.shape[1]!;
  const group = heads / keyHeads;
  const scaling = 1 / Math.sqrt(size);
  /** The query heads of one key head side by side: `[batch, kvHeads, group · tokens, …]`. */
  const grouped = (x: Tensor): Tensor => reshape(x, [batch, keyHeads, group * tokens, -1]);
  const probabilities = (queries: Tensor): Tensor => {
    const scores = matmul(queries, key, { transB: true });
    const apart = reshape(scores, [batch, keyHeads, group, tokens, tokens]);
    return grouped(softmax(add(apart, mask)));
  };

  const queries = scale(grouped(query), scaling);
  const shares = probabilities(queries);
  const output = reshape(matmul(shares, value), query.shape);
  return {
    output,
    backward(dy, { recompute }) {
      const [again, p] = recompute
        ? query.graph.recomputing(() => {
            const late = scale(grouped(after(query, dy)), scaling);
            return [late, probabilities(late)] as const;
          })
        : [queries, shares];
      const dOutput = grouped(dy);
      // Softmax's gradient needs Σ p·dp of each row, which is Σ output·dy: a sum over d numbers instead of over all
      // tokens (FlashAttention, Dao et al. 2022, arXiv 2205.14135, appendix B.4).
      const sums = reduceSum(mul(dOutput, grouped(output)), [-1], true);
      const dScores = mul(p, sub(matmul(dOutput, value, { transB: true }), sums));
      const dKey = matmul(dScores, again, { transA: true });
      const dValue = matmul(p, dOutput, { transA: true });
      const dQuery = reshape(scale(matmul(dScores, key), scaling), query.shape);
      // The gradient goes on to earlier layers only when the large values are done with.
      return [after(dQuery, dKey, dValue), dKey, dValue];
    },
  };
}

/**
 * Attention of a whole sequence on itself. `query` is `[batch, heads, tokens, d]`, `key` and `value`
 * `[batch, kvHeads, tokens, d]`, `mask` `[batch, 1, 1, tokens, tokens]` with 0 where a token may look. With `recompute`
 * the backward pass computes the probabilities again, `[batch, heads, tokens, tokens]` and the largest value of a layer.
 */
export function selfAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  mask: Tensor,
  { recompute = false }: { recompute?: boolean } = {},
): Tensor {
  const { output, backward } = attended(query, key, value, mask);
  return withGradient(output, [query, key, value], (dy) => backward(dy, { recompute }));
}
