/** Attention of one key head after the other, for sequences whose scores do not fit side by side. */
import { type Tensor, after, concat, slice } from "../engine/index.ts";
import { selfAttention } from "./attention.ts";

/**
 * `selfAttention`, a key head and its query heads at a time. A head's scores are freed before the next head
 * begins, and computed again in the backward pass: `[batch, heads / kvHeads, tokens, tokens]` of them exist
 * instead of `[batch, heads, tokens, tokens]`.
 */
export function attentionByHeads(query: Tensor, key: Tensor, value: Tensor, mask: Tensor): Tensor {
  const keyHeads = key.shape[1]!;
  const group = query.shape[1]! / keyHeads;
  const done: Tensor[] = [];
  for (let head = 0; head < keyHeads; head++) {
    const queries = slice(query, 1, head * group, (head + 1) * group);
    const previous = done.at(-1);
    done.push(
      selfAttention(
        previous ? after(queries, previous) : queries,
        slice(key, 1, head, head + 1),
        slice(value, 1, head, head + 1),
        mask,
        { recompute: true },
      ),
    );
  }
  return concat(done, 1);
}
