/** Muon: momentum whose step moves all directions of a matrix alike. */
import { add, constantLike, div, mul, scale, sqrt, sub } from "./ops/elementwise.ts";
import { concat, reshape, split, transpose } from "./ops/layout.ts";
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

const shorterFirst = (x: Tensor): Tensor => (x.shape[0]! > x.shape[1]! ? transpose(x, [1, 0]) : x);

/**
 * Of matrices `[count, short, long]` those with the same singular vectors and singular values near 1, between about
 * 0.7 and 1.2: each is divided by its Frobenius norm, then each step takes every singular value s to
 * 3.4445 s - 4.775 s³ + 2.0315 s⁵, here (aI + bS + cS²)·Y with S = Y·Yᵀ.
 */
function orthogonalize(x: Tensor): Tensor {
  const short = x.shape[1]!;
  const diagonal = (factor: number): Tensor => {
    const data = new Float32Array(short * short);
    for (let i = 0; i < short; i++) data[i * short + i] = factor;
    return x.graph.constant(data, "float32", [short, short]);
  };
  const [linear, cubic] = [diagonal(LINEAR), diagonal(CUBIC)];
  const norm = sqrt(reduceSum(mul(x, x), [1, 2], true));
  let y = div(x, add(norm, constantLike(norm, 1e-7)));
  for (let step = 0; step < STEPS; step++) {
    const square = matmul(y, y, { transB: true });
    const even = add(matmul(square, add(scale(square, QUINTIC), cubic)), linear);
    y = matmul(even, y);
  }
  return y;
}

/** Matrices of one size are done as one stack: many small products would cost more to start than to compute. */
function orthogonalizeAll(matrices: readonly Tensor[]): Tensor[] {
  const stacks = new Map<string, Tensor[]>();
  for (const x of matrices) {
    const size = x.shape.toSorted((a, b) => a - b).join();
    const stack = stacks.get(size);
    if (stack) stack.push(x);
    else stacks.set(size, [x]);
  }
  const found = new Map<Tensor, Tensor>();
  for (const stack of stacks.values()) {
    const turned = stack.map(shorterFirst);
    const size = turned[0]!.shape;
    const done = orthogonalize(
      concat(
        turned.map((x) => reshape(x, [1, ...size])),
        0,
      ),
    );
    split(
      done,
      stack.map(() => 1),
      0,
    ).forEach((y, i) => {
      const x = stack[i]!;
      const flat = reshape(y, size);
      found.set(x, turned[i] === x ? flat : transpose(flat, [1, 0]));
    });
  }
  return matrices.map((x) => found.get(x)!);
}

/**
 * One step of Muon for each of some matrices, with Nesterov momentum (Jordan et al. 2024, "Muon: an optimizer for
 * hidden layers in neural networks") and decoupled weight decay. A step is scaled by 0.2 √max(rows, columns) (Liu
 * et al. 2025, arXiv 2502.16982), which gives it the root mean square that steps of AdamW have, so that both can
 * share a learning rate.
 */
export function muon(steps: readonly Muon[]): { parameter: Tensor; m: Tensor }[] {
  const moved = steps.map((step) => {
    const { parameter, beta1 } = step;
    if (parameter.shape.length !== 2)
      throw shapeError("muon", "the parameter is no matrix", [parameter]);
    const gradient = scale(mul(step.gradient, step.scale), 1 - beta1);
    const m = add(scale(step.m, beta1), gradient);
    return { m, look: add(scale(m, beta1), gradient) };
  });
  const directions = orthogonalizeAll(moved.map(({ look }) => look));
  return steps.map(({ parameter, learningRate, weightDecay }, i) => {
    const size = scale(learningRate, 0.2 * Math.sqrt(Math.max(...parameter.shape)));
    const kept =
      weightDecay === 0
        ? parameter
        : mul(parameter, sub(constantLike(parameter, 1), scale(learningRate, weightDecay)));
    return { parameter: sub(kept, mul(directions[i]!, size)), m: moved[i]!.m };
  });
}
