/** Ops that move, repeat or select elements by position and compute nothing. */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, axisOf, broadcastShapes, sameShape, shapeError, sizeOf } from "../tensor.ts";

type Unary = [x: Tensor];
type None = Record<never, never>;

const reshapeOp = defineOp<Unary, { shape: readonly number[] }>({
  name: "Reshape",
  infer: ([x], { shape }) => {
    if (sizeOf(shape) !== sizeOf(x.shape))
      throw shapeError("Reshape", `cannot become [${shape.join(",")}]`, [x]);
    return { dtype: x.dtype, shape };
  },
  grad: (dy, [x]) => [reshape(dy, x.shape)],
  // allowzero: a size of 0 means an empty axis, not "copy the size from the input".
  onnx: ({ shape }) => ({ type: "Reshape", attributes: { allowzero: 1 }, vectors: [shape] }),
});

const transposeOp = defineOp<Unary, { perm: readonly number[] }>({
  name: "Transpose",
  infer: ([x], { perm }) => {
    if (
      !sameShape(
        perm.toSorted((a, b) => a - b),
        x.shape.map((_, axis) => axis),
      )
    ) {
      throw shapeError("Transpose", `[${perm.join(",")}] does not order its axes`, [x]);
    }
    return { dtype: x.dtype, shape: perm.map((axis) => x.shape[axis]!) };
  },
  grad: (dy, _inputs, _y, { perm }) => [
    transpose(
      dy,
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
});

const expandOp = defineOp<Unary, { shape: readonly number[] }>({
  name: "Expand",
  infer: ([x], { shape }) => {
    const result = broadcastShapes(x.shape, shape);
    if (!result || !sameShape(result, shape))
      throw shapeError("Expand", `does not broadcast to [${shape.join(",")}]`, [x]);
    return { dtype: x.dtype, shape };
  },
  grad: (dy) => [dy],
  onnx: ({ shape }) => ({ type: "Expand", vectors: [shape] }),
});

const concatOp = defineOp<readonly Tensor[], { axis: number }>({
  name: "Concat",
  infer: (inputs, { axis }) => {
    const [first, ...rest] = inputs;
    if (!first) throw new Error("Concat of nothing");
    const others = (x: Tensor): number[] => x.shape.toSpliced(axis, 1);
    for (const x of rest) {
      if (
        x.dtype !== first.dtype ||
        x.shape.length !== first.shape.length ||
        !sameShape(others(x), others(first))
      ) {
        throw shapeError("Concat", `only axis ${axis} may differ`, inputs);
      }
    }
    return {
      dtype: first.dtype,
      shape: first.shape.with(
        axis,
        inputs.reduce((sum, x) => sum + x.shape[axis]!, 0),
      ),
    };
  },
  grad: (dy, inputs, _y, { axis }) =>
    split(
      dy,
      inputs.map((x) => x.shape[axis]!),
      axis,
    ),
});

const sliceOp = defineOp<Unary, { axis: number; start: number; end: number }>({
  name: "Slice",
  infer: ([x], { axis, start, end }) => {
    const size = x.shape[axis]!;
    if (
      !(
        Number.isInteger(start) &&
        Number.isInteger(end) &&
        start >= 0 &&
        start <= end &&
        end <= size
      )
    ) {
      throw shapeError("Slice", `[${start}, ${end}) is not inside axis ${axis} of size ${size}`, [
        x,
      ]);
    }
    return { dtype: x.dtype, shape: x.shape.with(axis, end - start) };
  },
  grad: (dy, [x], _y, { axis, start, end }) => [pad(dy, axis, start, x.shape[axis]! - end)],
  onnx: ({ axis, start, end }) => ({ type: "Slice", vectors: [[start], [end], [axis]] }),
});

const padOp = defineOp<Unary, { axis: number; before: number; after: number }>({
  name: "Pad",
  infer: ([x], { axis, before, after }) => ({
    dtype: x.dtype,
    shape: x.shape.with(axis, before + x.shape[axis]! + after),
  }),
  grad: (dy, [x], _y, { axis, before }) => [slice(dy, axis, before, before + x.shape[axis]!)],
  onnx: ({ axis, before, after }, [x]) => {
    const zeros = x.shape.map(() => 0);
    return { type: "Pad", vectors: [[...zeros.with(axis, before), ...zeros.with(axis, after)]] };
  },
});

const identityOp = defineOp<Unary, None>({
  name: "Identity",
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  grad: (dy) => [dy],
});

const stopGradientOp = defineOp<Unary, None>({
  name: "StopGradient",
  infer: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
  onnx: () => ({ type: "Identity" }),
});

/** Same elements in row-major order under a new shape; one size may be -1. */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  const open = shape.indexOf(-1);
  const known = sizeOf(shape.filter((size) => size !== -1));
  const full = open < 0 ? shape : shape.with(open, sizeOf(x.shape) / known);
  return sameShape(full, x.shape) ? x : applyOp(reshapeOp, [x], { shape: full });
}

/** Axis `i` of the result is axis `perm[i]` of `x`. */
export const transpose = (x: Tensor, perm: readonly number[]): Tensor =>
  applyOp(transposeOp, [x], { perm });

/** Repeats axes of size 1 (and adds leading axes) up to `shape`. */
export const expand = (x: Tensor, shape: readonly number[]): Tensor =>
  applyOp(expandOp, [x], { shape });

export function concat(inputs: readonly Tensor[], axis: number): Tensor {
  const first = inputs[0];
  if (!first) throw new Error("concat of nothing");
  return applyOp(concatOp, inputs, { axis: axisOf("Concat", axis, first) });
}

/** Elements `start` to `end` (exclusive) of one axis; no negative positions. */
export const slice = (x: Tensor, axis: number, start: number, end: number): Tensor =>
  applyOp(sliceOp, [x], { axis: axisOf("Slice", axis, x), start, end });

/** Consecutive pieces of the given sizes, which must fill the axis. */
export function split(x: Tensor, sizes: readonly number[], axis: number): Tensor[] {
  const at = axisOf("Split", axis, x);
  if (sizes.reduce((a, b) => a + b, 0) !== x.shape[at]) {
    throw shapeError("Split", `pieces [${sizes.join(",")}] do not fill axis ${at}`, [x]);
  }
  let start = 0;
  return sizes.map((size) => slice(x, at, start, (start += size)));
}

/** Zeros before and after one axis. */
export const pad = (x: Tensor, axis: number, before: number, after: number): Tensor =>
  applyOp(padOp, [x], { axis: axisOf("Pad", axis, x), before, after });

export const identity = (x: Tensor): Tensor => applyOp(identityOp, [x], {});

/** The same value; gradients do not pass. */
export const stopGradient = (x: Tensor): Tensor => applyOp(stopGradientOp, [x], {});

export { identityOp };
export const layoutOps: readonly Op[] = [
  reshapeOp,
  transposeOp,
  expandOp,
  concatOp,
  sliceOp,
  padOp,
  identityOp,
  stopGradientOp,
];
