/**
 * `after` orders work: the runtime schedules by data dependencies only, so "recompute late" and "free
 * this chunk before the next" are said as a dependency that adds nothing.
 */
import type { Node } from "../graph.ts";
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, isFloat, sameShape, shapeError, sizeOf } from "../tensor.ts";
import { add, cast, min, scale } from "./elementwise.ts";
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
  onnx: () => ({ type: "Reshape" }),
});

const firstSizeOp = defineOp<[x: Tensor], Record<never, never>>({
  name: "FirstSize",
  infer: ([x]) => {
    if (x.shape.length === 0) throw shapeError("FirstSize", "needs rank 1 or more", [x]);
    return { dtype: "int64", shape: [1] };
  },
  onnx: () => ({ type: "Shape", attributes: { start: 0, end: 1 } }),
});

/** The size of the first axis, int64 `[1]`, when the runtime has `x`: it reads none of its elements. */
export const firstSize = (x: Tensor): Tensor => applyOp(firstSizeOp, [x], {});

/** `x` in `shape`, which the runtime learns when `wait` is there: int64 `[1]`, 0. */
const reshapeLater = (x: Tensor, shape: readonly number[], wait: Tensor): Tensor =>
  applyOp(reshapeToOp, [x, add(x.graph.constant(shape, "int64"), wait)], { shape });

/** `x` in its own shape, which the runtime learns when all `others` are there. */
export function reshapeAfter(x: Tensor, ...others: readonly Tensor[]): Tensor {
  const sizes = others.map((other) =>
    firstSize(other.shape.length === 0 ? reshape(other, [1]) : other),
  );
  return reshapeLater(x, x.shape, sizes.reduce(min, x.graph.constant([0], "int64")));
}

/** What `reshapeAfter` made, in another shape at once. */
export function reshapedLater({ inputs: [x, target] }: Node, shape: readonly number[]): Tensor {
  if (!x || target?.origin.kind !== "node") throw new Error("not a reshape that waits");
  return reshapeLater(x, shape, target.origin.node.inputs[1]!);
}

/**
 * float32: x + 0 · Σ (one element of each); the product keeps the runtime from folding the zero away, and the sum's shape
 * is known before the run, which the runtime needs to plan its memory.
 * Other types have no addition everywhere, and are large: they are reshaped to what they are.
 */
export function orderedValue(x: Tensor, others: readonly Tensor[]): Tensor {
  const waited = others.filter((other) => sizeOf(other.shape) > 0);
  if (waited.length === 0 || sizeOf(x.shape) === 0) return x;
  if (x.dtype !== "float32") return reshapeAfter(x, ...waited);
  const sum = waited
    .map((other) => cast(reshape(slice(reshape(other, [-1]), 0, 0, 1), []), x.dtype))
    .reduce(add);
  return add(x, scale(sum, 0));
}

export const afterOps: readonly Op[] = [afterOp, reshapeToOp, firstSizeOp];
