/**
 * `after` orders work: the runtime schedules by data dependencies only, so "recompute late" and "free
 * this chunk before the next" are said as a dependency that adds nothing.
 */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, isFloat, shapeError, sizeOf } from "../tensor.ts";
import { add, cast, scale } from "./elementwise.ts";
import { reshape, slice } from "./layout.ts";

/** simplify.ts replaces it: by `orderedValue` for what is computed anyway, by nothing for what is not. */
export const afterOp: Op<readonly Tensor[], Record<never, never>> = defineOp<
  readonly Tensor[],
  Record<never, never>
>({
  name: "After",
  infer: ([x, ...others]) => {
    if (!x) throw new Error("After of nothing");
    for (const tensor of [x, ...others]) {
      if (!isFloat(tensor.dtype)) throw shapeError("After", "needs float tensors", [x, ...others]);
    }
    return { dtype: x.dtype, shape: x.shape };
  },
  grad: (dy, [, ...others]) => [dy, ...others.map(() => undefined)],
});

/**
 * `x`, but not before `others` are computed. It keeps none of them alive: one that nothing else
 * needs is not computed for its sake. Float tensors only.
 */
export const after = (x: Tensor, ...others: readonly Tensor[]): Tensor =>
  applyOp(afterOp, [x, ...others], {});

/** x + 0 · Σ (one element of each): the product keeps the runtime from folding the zero away. */
export function orderedValue(x: Tensor, others: readonly Tensor[]): Tensor {
  const elements = others
    .filter((other) => sizeOf(other.shape) > 0)
    .map((other) => cast(reshape(slice(reshape(other, [-1]), 0, 0, 1), []), x.dtype));
  const [first, ...rest] = elements;
  return first ? add(x, scale(rest.reduce(add, first), 0)) : x;
}

export const afterOps: readonly Op[] = [afterOp];
