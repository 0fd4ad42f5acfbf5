/**
 * The loss over a large vocabulary without ever holding all logits: rows are taken in chunks, and each
 * chunk's gradients are computed together with its forward pass, so that its logits can be freed.
 */
import { TwainError } from "../../core/errors.ts";
import { withGradient } from "../grad.ts";
import { after } from "../ops/after.ts";
import { add, exp, mul, neg, sub } from "../ops/elementwise.ts";
import { gather, gatherElements, scatterAdd } from "../ops/indexing.ts";
import { concat, reshape, slice, transpose } from "../ops/layout.ts";
import { matmul } from "../ops/matmul.ts";
import { logSoftmax, reduceSum } from "../ops/reduce.ts";
import { type Tensor, shapeError } from "../tensor.ts";

/** Rows a chunk: enough for the matrix product to run at full speed. */
const DEFAULT_CHUNK = 256;

interface Rows {
  /** log p(target) of each row, [N]. */
  logProbs: Tensor;
  /** Gradient of -log p(target) of each row with respect to that row of hidden, [N, H]. */
  dHidden: Tensor;
  /** Gradient of Σ rowWeight · -log p(target) with respect to the output weight, [V, H]. */
  dWeight: Tensor;
}

/**
 * `loss` = Σ rowWeights · -log softmax(hidden · weightᵀ)[target], a scalar, and `logProbs [N]`, for
 * `hidden [N, H]`, `weight [V, H]`, `targets` int64 [N] in [0, V), `rowWeights [N]`. Both may be
 * differentiated, with respect to hidden, weight, and rowWeights (loss only). Padding rows: weight 0
 * and any valid target.
 */
export function crossEntropy(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  rowWeights: Tensor,
  { chunk = DEFAULT_CHUNK }: { chunk?: number } = {},
): { loss: Tensor; logProbs: Tensor } {
  const operands = [hidden, weight, targets, rowWeights];
  const [N, H] = hidden.shape;
  if (
    hidden.shape.length !== 2 ||
    weight.shape.length !== 2 ||
    weight.shape[1] !== H ||
    N === 0 ||
    targets.shape.length !== 1 ||
    targets.shape[0] !== N ||
    rowWeights.shape.length !== 1 ||
    rowWeights.shape[0] !== N
  ) {
    throw shapeError(
      "crossEntropy",
      "wants hidden [N, H], weight [V, H], targets [N], rowWeights [N] with N > 0",
      operands,
    );
  }
  if (!Number.isInteger(chunk) || chunk < 1)
    throw new TwainError("engine/shape", `crossEntropy: chunk is ${chunk} rows`);

  const rows = inChunks(hidden, weight, targets, rowWeights, chunk);
  const loss = withGradient(
    neg(reduceSum(mul(rows.logProbs, rowWeights))),
    [hidden, weight, rowWeights],
    (dy) => [
      mul(rows.dHidden, mul(dy, column(rowWeights))),
      mul(rows.dWeight, dy),
      neg(mul(dy, rows.logProbs)),
    ],
  );
  const logProbs = withGradient(rows.logProbs, [hidden, weight], (dy) => [
    mul(rows.dHidden, neg(column(dy))),
    // Its row weights are only known now: this one is a second pass, dropped unless the weight is trained.
    inChunks(hidden, weight, targets, neg(dy), chunk).dWeight,
  ]);
  return { loss, logProbs };
}

const column = (x: Tensor): Tensor => reshape(x, [...x.shape, 1]);

function inChunks(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  rowWeights: Tensor,
  chunk: number,
): Rows {
  const N = hidden.shape[0]!;
  const chunks: Rows[] = [];
  for (let start = 0; start < N; start += chunk) {
    const rowsOf = (x: Tensor): Tensor => slice(x, 0, start, Math.min(start + chunk, N));
    const previous = chunks.at(-1);
    const waiting = previous ? [previous.logProbs, previous.dHidden, previous.dWeight] : [];
    const rows = oneChunk(
      after(rowsOf(hidden), ...waiting),
      weight,
      rowsOf(targets),
      rowsOf(rowWeights),
      previous?.dWeight,
    );
    chunks.push(rows);
  }
  return {
    logProbs: concat(
      chunks.map((rows) => rows.logProbs),
      0,
    ),
    dHidden: concat(
      chunks.map((rows) => rows.dHidden),
      0,
    ),
    dWeight: chunks.at(-1)!.dWeight,
  };
}

function oneChunk(
  hidden: Tensor,
  weight: Tensor,
  targets: Tensor,
  rowWeights: Tensor,
  dWeight?: Tensor,
): Rows {
  const logs = logSoftmax(matmul(hidden, weight, { transB: true })); // [chunk, V]
  const logProbs = reshape(gatherElements(logs, column(targets), 1), targets.shape);
  // The gradient of -log p over the logits is p - onehot(target). The second part is added as rows
  // of the weight, so that the matrix of probabilities is used as it is.
  const p = exp(logs);
  // weightᵀ · pᵀ rather than p · weight: the runtime repacks the right operand, and p is the smaller one.
  const probable = transpose(matmul(weight, p, { transA: true, transB: true }), [1, 0]);
  const dHidden = sub(probable, gather(weight, targets, 0));
  const weighted = mul(hidden, column(rowWeights));
  const product = matmul(p, weighted, { transA: true }); // [V, H]
  const sum = dWeight ? add(dWeight, product) : product;
  return { logProbs, dHidden, dWeight: scatterAdd(sum, targets, neg(weighted)) };
}
