/**
 * `after` orders work: the runtime schedules by data dependencies only, so "recompute late" and "free
 * this chunk before the next" are said as a dependency that adds nothing.
 */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, isFloat, sameShape, shapeError, sizeOf } from "../tensor.ts";
import { add, cast, less, scale } from "./elementwise.ts";
import { reshape, slice } from "./layout.ts";

/** simplify.ts replaces it: by `orderedValue` for what is computed anyway, by nothing for what is not. */
export const afterOp: Op<readonly Tensor[], Record<never, never>> = defineOp<
  readonly Tensor[],
  Record<never, never>
>({
  name: "After",
  infer: ([x, ...others]) => {
    if (!x) throw new Error("After of nothing");
    for (const tensor of others) {
      if (!isFloat(tensor.dtype))
        throw shapeError("After", "waits for float tensors", [x, ...others]);
    }
    return { dtype: x.dtype, shape: x.shape };
  },
  grad: (dy, [, ...others]) => [dy, ...others.map(() => undefined)],
});

/**
 * `x`, but not before `others` are computed. It keeps none of them alive: one that nothing else
 * needs is not computed for its sake. `x` may be of any type, `others` are float.
 */
export const after = (x: Tensor, ...others: readonly Tensor[]): Tensor =>
  applyOp(afterOp, [x, ...others], {});

/** Reshape whose target is a value: it costs nothing, and waits for that value. */
const reshapeToOp = defineOp<[x: Tensor, shape: Tensor], { shape: readonly number[] }>({
  name: "ReshapeTo",
  infer: ([x, target], { shape }) => {
    if (target.dtype !== "int64" || !sameShape(target.shape, [shape.length]))
      throw shapeError("ReshapeTo", "the shape must be an int64 vector", [x, target]);
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw shapeError("ReshapeTo", `cannot become [${shape.join(",")}]`, [x]);
    return { dtype: x.dtype, shape };
  },
  grad: (dy, [x]) => [reshape(dy, x.shape), undefined],
  onnx: () => ({ type: "Reshape", attributes: { allowzero: 1 } }),
});

/** `x` in its own shape, which is computed from `waited`, a float: NaN there does no harm. */
export function reshapeAfter(x: Tensor, waited: Tensor): Tensor {
  const zero = cast(less(waited, waited), "int64");
  const target = add(x.graph.constant(x.shape, "int64"), zero);
  return applyOp(reshapeToOp, [x, target], { shape: x.shape });
}

/**
 * float32: x + 0 · Σ (one element of each); the product keeps the runtime from folding the zero away.
 * Other types have no addition everywhere, and are large: they are reshaped to what they are.
 */
export function orderedValue(x: Tensor, others: readonly Tensor[]): Tensor {
  const plain = x.dtype === "float32";
  const elements = others
    .filter((other) => sizeOf(other.shape) > 0)
    .map((other) =>
      cast(reshape(slice(reshape(other, [-1]), 0, 0, 1), []), plain ? x.dtype : "float32"),
    );
  const [first, ...rest] = elements;
  if (!first) return x;
  const sum = rest.reduce(add, first);
  return plain ? add(x, scale(sum, 0)) : reshapeAfter(x, sum);
}

export const afterOps: readonly Op[] = [afterOp, reshapeToOp];
