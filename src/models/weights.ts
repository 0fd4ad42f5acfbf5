/**
 * How model code reaches its parameters. A model asks for `linear("…q_proj", x)`; whether that is a
 * plain matrix, one with a LoRA beside it, or a quantized one is decided by the `Weights` it is given.
 */
import { type Graph, type Tensor, matmul, rmsNorm } from "../engine/index.ts";
import type { Parameter } from "./architecture.ts";

/** `x · Wᵀ` for a checkpoint weight `[out, in]`. */
export const linear = (x: Tensor, weight: Tensor): Tensor => matmul(x, weight, { transB: true });

export interface Weights {
  /** A parameter by checkpoint name. */
  tensor(name: string): Tensor;
  /** `x · Wᵀ` with the weight of module `name`; x is `[..., in]`, the result `[..., out]`. */
  linear(name: string, x: Tensor): Tensor;
  /** RMS norm over the last axis of x with the weight of module `name`. */
  norm(name: string, x: Tensor, epsilon: number): Tensor;
  /** Trainable tensors whose name starts with `prefix`. */
  trainable(prefix: string): Tensor[];
}

/** Every parameter as an input of the graph, under its checkpoint name. */
export function inputWeights(
  graph: Graph,
  parameters: ReadonlyMap<string, Parameter>,
  options: { trainable: boolean },
): Weights {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape }] of parameters)
    tensors.set(name, graph.input(name, "float32", shape));
  const tensor = (name: string): Tensor => {
    const found = tensors.get(name);
    if (!found) throw new Error(`no parameter named ${name}`);
    return found;
  };
  return {
    tensor,
    linear: (name, x) => linear(x, tensor(`${name}.weight`)),
    norm: (name, x, epsilon) => rmsNorm(x, tensor(`${name}.weight`), epsilon),
    trainable: (prefix) =>
      options.trainable
        ? [...tensors].filter(([name]) => name.startsWith(prefix)).map(([, value]) => value)
        : [],
  };
}
