/** Optimizer arithmetic as graph, so that a whole training step is one program. */
import { add, constantLike, div, mul, scale, sqrt, sub } from "./ops/elementwise.ts";
import type { Graph } from "./graph.ts";
import { type Tensor, sameShape, shapeError } from "./tensor.ts";

export interface AdamW {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** First and second moments, zeros at the start. */
  readonly m: Tensor;
  readonly v: Tensor;
  /** Scalar tensor: it changes every step. */
  readonly learningRate: Tensor;
  /** Scalar tensors 1 - beta1^t and 1 - beta2^t for step t, from 1. */
  readonly correction1: Tensor;
  readonly correction2: Tensor;
  /** Scalar tensor that multiplies the gradient: clipping and normalisation. */
  readonly scale: Tensor;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** One step of AdamW with decoupled weight decay, as PyTorch's `torch.optim.AdamW` computes it. */
export function adamW(graph: Graph, step: AdamW): { parameter: Tensor; m: Tensor; v: Tensor } {
  const { parameter, learningRate, beta1, beta2, epsilon, weightDecay } = step;
  if (parameter.graph !== graph) throw new Error("adamW: the parameter belongs to another graph");
  if (!sameShape(parameter.shape, step.gradient.shape)) {
    throw shapeError("adamW", "parameter and gradient differ", [parameter, step.gradient]);
  }
  const gradient = mul(step.gradient, step.scale);
  const m = add(scale(step.m, beta1), scale(gradient, 1 - beta1));
  const v = add(scale(step.v, beta2), scale(mul(gradient, gradient), 1 - beta2));
  const denominator = add(div(sqrt(v), sqrt(step.correction2)), constantLike(v, epsilon));
  const size = div(learningRate, step.correction1);
  const kept =
    weightDecay === 0
      ? parameter
      : mul(parameter, sub(constantLike(parameter, 1), scale(learningRate, weightDecay)));
  return { parameter: sub(kept, div(mul(m, size), denominator)), m, v };
}
