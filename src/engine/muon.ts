/** Muon: momentum whose step moves all directions of a matrix alike. */
import { add, constantLike, div, mul, scale, sqrt, sub } from "./ops/elementwise.ts";
import { transpose } from "./ops/layout.ts";
import { matmul } from "./ops/matmul.ts";
import { reduceSum } from "./ops/reduce.ts";
import { type Tensor, shapeError } from "./tensor.ts";

export interface Muon {
  /** `[rows, columns]`, as all tensors that are no scalar. */
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** Momentum, zeros at the start. */
  readonly m: Tensor;
  /** Scalar tensor: it changes every step. */
  readonly learningRate: Tensor;
  /** Scalar tensor that multiplies the gradient: clipping and normalisation. */
  readonly scale: Tensor;
  readonly weightDecay: number;
  readonly beta1: number;
}

/** Newton-Schulz steps and the coefficients of their quintic, from Jordan et al. 2024. */
const STEPS = 5;
const [LINEAR, CUBIC, QUINTIC] = [3.4445, -4.775, 2.0315];

/**
 * The matrix with `x`'s singular vectors and singular values near 1, between about 0.7 and 1.2: x is divided by
 * its Frobenius norm, then each step takes every singular value s to 3.4445 s - 4.775 s³ + 2.0315 s⁵.
 */
function orthogonalize(x: Tensor): Tensor {
  const [rows, columns] = x.shape as [number, number];
  const flipped = rows > columns; // the products are of the shorter side
  const turn = (y: Tensor): Tensor => (flipped ? transpose(y, [1, 0]) : y);
  const norm = sqrt(reduceSum(mul(x, x)));
  let y = turn(div(x, add(norm, constantLike(norm, 1e-7))));
  for (let step = 0; step < STEPS; step++) {
    const square = matmul(y, y, { transB: true });
    const odd = add(scale(square, CUBIC), scale(matmul(square, square), QUINTIC));
    y = add(scale(y, LINEAR), matmul(odd, y));
  }
  return turn(y);
}

/**
 * One step of Muon with Nesterov momentum (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural
 * networks") and decoupled weight decay. The step is scaled by 0.2 √max(rows, columns) (Liu et al. 2025,
 * arXiv 2502.16982), which gives it the root mean square that steps of AdamW have, so that both can share a
 * learning rate.
 */
export function muon(step: Muon): { parameter: Tensor; m: Tensor } {
  const { parameter, learningRate, beta1, weightDecay } = step;
  const [rows, columns] = parameter.shape;
  if (rows === undefined || columns === undefined || parameter.shape.length !== 2)
    throw shapeError("muon", "the parameter is no matrix", [parameter]);
  const gradient = scale(mul(step.gradient, step.scale), 1 - beta1);
  const m = add(scale(step.m, beta1), gradient);
  const direction = orthogonalize(add(scale(m, beta1), gradient));
  const size = scale(learningRate, 0.2 * Math.sqrt(Math.max(rows, columns)));
  const kept =
    weightDecay === 0
      ? parameter
      : mul(parameter, sub(constantLike(parameter, 1), scale(learningRate, weightDecay)));
  return { parameter: sub(kept, mul(direction, size)), m };
}
