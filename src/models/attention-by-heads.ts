/** Attention of one key head after the other, for sequences whose scores do not fit side by side. */
import { type Tensor, after, concat, slice, withGradient } from "../engine/index.ts";
import { attended } from "./attention.ts";

/**
 * `selfAttention`, a key head and its query heads at a time. A head's scores are freed before the next head
 * begins, and computed again in the backward pass: `[batch, heads / kvHeads, tokens, tokens]` of them exist
 * instead of `[batch, heads, tokens, tokens]`.
 */
export function attentionByHeads(query: Tensor, key: Tensor, value: Tensor, mask: Tensor): Tensor {
  const keyHeads = key.shape[1]!;
  const group = query.shape[1]! / keyHeads;
  const queriesOf = (x: Tensor, head: number): Tensor =>
    slice(x, 1, head * group, (head + 1) * group);
  const heads: ReturnType<typeof attended>[] = [];
  for (let head = 0; head < keyHeads; head++) {
    const previous = heads.at(-1)?.output;
    const queries = queriesOf(query, head);
    heads.push(
      attended(
        previous ? after(queries, previous) : queries,
        slice(key, 1, head, head + 1),
        slice(value, 1, head, head + 1),
        mask,
      ),
    );
  }
  const output = concat(
    heads.map((head) => head.output),
    1,
  );
  return withGradient(output, [query, key, value], (dy) => {
    const gradients: [Tensor, Tensor, Tensor][] = [];
    for (const [head, { backward }] of heads.entries()) {
      const previous = gradients.at(-1);
      const own = queriesOf(dy, head);
      gradients.push(backward(previous ? after(own, ...previous) : own, { recompute: true }));
    }
    return [0, 1, 2].map((i) =>
      concat(
        gradients.map((gradient) => gradient[i]!),
        1,
      ),
    );
  });
}
