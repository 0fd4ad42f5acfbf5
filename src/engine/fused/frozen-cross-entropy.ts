/**
 * Cross-entropy over a frozen output layer in pieces of the vocabulary: the sum of exponentials and the
 * expected output row are carried from piece to piece and rescaled when the maximum grows, as flash
 * attention does (Dao et al. 2022, arXiv 2205.14135). Neither all logits nor the whole weight is ever there.
 */
import { TwainError } from "../../core/errors.ts";
import { withGradient } from "../grad.ts";
import { after } from "../ops/after.ts";
import { add, div, exp, log, max, mul, neg, sub } from "../ops/elementwise.ts";
import { gather } from "../ops/indexing.ts";
import { reshape } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { reduceMax, reduceSum } from "../ops/reduce.ts";
import { type Tensor, sameShape, shapeError } from "../tensor.ts";

/** Logits of one piece, all rows together: 32 MB as float32. */
const DEFAULT_LOGITS = 1 << 23;

/**
 * `loss` = Σ rowWeights · -log softmax(hidden · weightᵀ)[target] and `logProbs [N]`, as `crossEntropy`
 * returns them, with gradients with respect to hidden and rowWeights (loss only). `weight [V, H]` may be a
 * conversion of a packed table: its rows are picked a piece at a time, and only those are converted.
 */
export function frozenCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  rowWeights: Tensor,
  { logits = DEFAULT_LOGITS }: { logits?: number } = {},
): { loss: Tensor; logProbs: Tensor } {
  const [N, H] = hidden.shape as [number, number];
  const [V, width] = weight.shape as [number, number];
  const fits =
    hidden.shape.length === 2 &&
    weight.shape.length === 2 &&
    width === H &&
    N > 0 &&
    V > 0 &&
    sameShape(targets.shape, [N]) &&
    sameShape(rowWeights.shape, [N]);
  if (!fits) {
    throw shapeError(
      "frozenCrossEntropy",
      "wants hidden [N, H], weight [V, H], targets [N], rowWeights [N] with N, V > 0",
      [hidden, weight, targets, rowWeights],
    );
  }
  if (!Number.isInteger(logits) || logits < 1)
    throw new TwainError("engine/shape", `frozenCrossEntropy: a piece of ${logits} logits`);

  const { graph } = hidden;
  const piece = Math.max(1, Math.floor(logits / N));
  let state: { top: Tensor; sum: Tensor; row: Tensor } | undefined;
  for (let start = 0; start < V; start += piece) {
    const ids = Array.from({ length: Math.min(piece, V - start) }, (_, i) => start + i);
    // Picked by indices, for these can wait for the piece before; a slice's bounds could not.
    const waiting = state ? [state.sum, state.row] : [];
    const rows = gather(weight, after(graph.constant(ids, "int64"), ...waiting));
    const scores = matmul(hidden, rows, { transB: true }); // [N, piece]
    const highest = reduceMax(scores, [1], true);
    const top = state ? max(state.top, highest) : highest;
    const p = exp(sub(scores, top));
    const sum = reduceSum(p, [1], true);
    const row = matmul(p, rows);
    const shrink = state && exp(sub(state.top, top));
    state = {
      top,
      sum: state && shrink ? add(mul(state.sum, shrink), sum) : sum,
      row: state && shrink ? add(mul(state.row, shrink), row) : row,
    };
  }
  const { top, sum, row } = state!;
  const targetRows = gather(weight, targets);
  const score = reduceSum(mul(hidden, targetRows), [1]);
  const logs = sub(score, reshape(add(top, log(sum)), [N]));
  // The gradient of -log p over hidden: the row expected under p, less the target's.
  const dHidden = sub(div(row, sum), targetRows);
  const column = (x: Tensor): Tensor => reshape(x, [N, 1]);
  const logProbs = withGradient(logs, [hidden], (dy) => [mul(dHidden, neg(column(dy)))]);
  const loss = withGradient(neg(reduceSum(mul(logs, rowWeights))), [hidden, rowWeights], (dy) => [
    mul(dHidden, mul(dy, column(rowWeights))),
    neg(mul(dy, logs)),
  ]);
  return { loss, logProbs };
}
