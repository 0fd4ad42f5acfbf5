/** Rotary position embedding in the rotate-half convention of Hugging Face's Llama. */
import { withGradient } from "../grad.ts";
import { add, mul, neg } from "../ops/elementwise.ts";
import { concat, split } from "../ops/layout.ts";
import { type Tensor, broadcastShapes, sameShape, shapeError } from "../tensor.ts";

/**
 * `x·cos + rotateHalf(x)·sin` for `x [B, heads, T, D]`, with `cos` and `sin` `[T, D]` or `[B, 1, T, D]`.
 * The tables are taken as constants: they get no gradient.
 */
export function rope(x: Tensor, cos: Tensor, sin: Tensor): Tensor {
  const D = x.shape.at(-1) ?? 0;
  const fits = (table: Tensor): boolean =>
    table.shape.at(-1) === D && sameShape(broadcastShapes(table.shape, x.shape) ?? [], x.shape);
  if (x.shape.length !== 4 || D % 2 !== 0 || !fits(cos) || !fits(sin)) {
    throw shapeError("rope", "wants x [B, heads, T, even D] and tables [T, D] or [B, 1, T, D]", [
      x,
      cos,
      sin,
    ]);
  }
  // rotateHalf(x)·sin = swap(x)·signed with signed = (-sin₁, sin₂): swapping halves is its own transpose.
  const [first, second] = split(sin, [D / 2, D / 2], -1);
  const signed = concat([neg(first!), second!], -1);
  const turned = add(mul(x, cos), mul(swapHalves(x), signed));
  return withGradient(turned, [x], (dy) => [add(mul(dy, cos), swapHalves(mul(dy, signed)))]);
}

function swapHalves(x: Tensor): Tensor {
  const D = x.shape.at(-1)!;
  const [first, second] = split(x, [D / 2, D / 2], -1);
  return concat([second!, first!], -1);
}
