/** Root-mean-square normalisation: y = x · r · w with r = 1 / √(mean(x²) + ε). */
import { withGradient } from "../grad.ts";
import { add, constantLike, mul, reciprocal, sqrt, sub } from "../ops/elementwise.ts";
import { reduceMean } from "../ops/reduce.ts";
import { type Tensor, shapeError } from "../tensor.ts";

/** Over the last axis of `x [..., H]` with `weight [H]`. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  if (weight.shape.length !== 1 || weight.shape[0] !== x.shape.at(-1)) {
    throw shapeError("rmsNorm", "the weight must be [H] for x [..., H]", [x, weight]);
  }
  const r = reciprocal(sqrt(add(reduceMean(mul(x, x), [-1], true), constantLike(x, epsilon))));
  const normal = mul(x, r);
  return withGradient(mul(normal, weight), [x, weight], (dy) => {
    // With n = x·r and g = dy·w: dx = r · (g - n · mean(g · n)).
    const g = mul(dy, weight);
    const dx = mul(r, sub(g, mul(normal, reduceMean(mul(g, normal), [-1], true))));
    return [dx, mul(dy, normal)];
  });
}
