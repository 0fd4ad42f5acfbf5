/** What a base from scratch does about tokens that only its adapter will meet. */
import type { Examples } from "./packed-examples.ts";

/**
 * Puts the embeddings of tokens that no row holds back to their first values, in place; both are
 * `[vocabulary, hidden]`. The softmax pushes all of them the same way until they cannot be told apart,
 * and a LoRA, which trains no embedding, could then never choose between the names of two tools.
 */
export function restoreUnseen(
  embedding: Float32Array,
  first: Float32Array,
  rows: Iterable<Examples>,
  hidden: number,
): void {
  const seen = new Set<number>();
  for (const examples of rows) for (const { ids } of examples) for (const id of ids) seen.add(id);
  for (let id = 0; id * hidden < embedding.length; id++) {
    if (seen.has(id)) continue;
    const [from, to] = [id * hidden, (id + 1) * hidden];
    embedding.set(first.subarray(from, to), from);
  }
}
