/** SiLU and the gated unit of Llama-like models, with gradients that reuse the sigmoid. */
import { withGradient } from "../grad.ts";
import { add, constantLike, mul, sigmoid, sub } from "../ops/elementwise.ts";
import { type Tensor, sameShape, shapeError } from "../tensor.ts";

/** σ(x) + x·σ(x)·(1 - σ(x)), written with y = x·σ(x) as σ + y - y·σ. */
const siluSlope = (s: Tensor, y: Tensor): Tensor => add(s, mul(y, sub(constantLike(s, 1), s)));

/** x · sigmoid(x) */
export function silu(x: Tensor): Tensor {
  const s = sigmoid(x);
  const y = mul(x, s);
  return withGradient(y, [x], (dy) => [mul(dy, siluSlope(s, y))]);
}

/** silu(gate) · up */
export function swiglu(gate: Tensor, up: Tensor): Tensor {
  if (!sameShape(gate.shape, up.shape))
    throw shapeError("swiglu", "gate and up differ", [gate, up]);
  const s = sigmoid(gate);
  const y = mul(gate, s);
  return withGradient(mul(y, up), [gate, up], (dy) => [
    mul(mul(dy, up), siluSlope(s, y)),
    mul(dy, y),
  ]);
}
