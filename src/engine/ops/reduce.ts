/** Ops that fold whole axes: sums, means, maxima, softmax. */
import { type Op, applyOp, defineOp } from "../op.ts";
import { type Tensor, type TensorType, axisOf, isFloat, shapeError } from "../tensor.ts";
import { cast, div, equal, exp, mul, scale, sub } from "./elementwise.ts";
import { expand, reshape } from "./layout.ts";

type Unary = [x: Tensor];
type None = Record<never, never>;
type Reduction = { axes: readonly number[]; keepDims: number };

const kept = (x: TensorType, axes: readonly number[]): number[] =>
  x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

const reduceOp = (
  name: string,
  derivative: (dy: Tensor, x: Tensor, y: Tensor) => Tensor,
): Op<Unary, Reduction> =>
  defineOp<Unary, Reduction>({
    name,
    infer: ([x], { axes, keepDims }) => ({
      dtype: x.dtype,
      shape: keepDims ? kept(x, axes) : x.shape.filter((_, axis) => !axes.includes(axis)),
    }),
    grad: (dy, [x], y, { axes }) => {
      const shape = kept(x, axes);
      return [derivative(reshape(dy, shape), x, reshape(y, shape))];
    },
    onnx: ({ axes, keepDims }) => ({
      type: name,
      attributes: { keepdims: keepDims, noop_with_empty_axes: 1 },
      vectors: [axes],
    }),
  });

const reduceSumOp = reduceOp("ReduceSum", (dy, x) => expand(dy, x.shape));
const reduceMeanOp = reduceOp("ReduceMean", (dy, x) => {
  const count = x.shape.reduce((a, b) => a * b, 1) / dy.shape.reduce((a, b) => a * b, 1);
  return expand(scale(dy, 1 / count), x.shape);
});
/** Elements that share the maximum share the gradient. */
const reduceMaxOp = reduceOp("ReduceMax", (dy, x, y) => {
  const hits = cast(equal(x, y), dy.dtype);
  const axes = x.shape.map((_, axis) => axis).filter((axis) => y.shape[axis] !== x.shape[axis]);
  return mul(hits, div(dy, reduceSum(hits, axes, true)));
});

function overLastAxis(name: string, x: Tensor): TensorType {
  if (!isFloat(x.dtype) || x.shape.length === 0)
    throw shapeError(name, "needs a float tensor of rank 1 or more", [x]);
  return { dtype: x.dtype, shape: x.shape };
}

const softmaxOp = defineOp<Unary, None>({
  name: "Softmax",
  infer: ([x]) => overLastAxis("Softmax", x),
  // y ∘ (dy - Σ dy∘y)
  grad: (dy, _inputs, y) => {
    const weighted = mul(dy, y);
    return [sub(weighted, mul(y, reduceSum(weighted, [-1], true)))];
  },
  onnx: () => ({ type: "Softmax", attributes: { axis: -1 } }),
});

const logSoftmaxOp = defineOp<Unary, None>({
  name: "LogSoftmax",
  infer: ([x]) => overLastAxis("LogSoftmax", x),
  grad: (dy, _inputs, y) => [sub(dy, mul(exp(y), reduceSum(dy, [-1], true)))],
  onnx: () => ({ type: "LogSoftmax", attributes: { axis: -1 } }),
});

const argmaxOp = defineOp<Unary, { axis: number; keepDims: number }>({
  name: "ArgMax",
  infer: ([x], { axis, keepDims }) => ({
    dtype: "int64",
    shape: keepDims ? x.shape.with(axis, 1) : x.shape.toSpliced(axis, 1),
  }),
  onnx: ({ axis, keepDims }) => ({ type: "ArgMax", attributes: { axis, keepdims: keepDims } }),
});

type Reduce = (x: Tensor, axes?: readonly number[], keepDims?: boolean) => Tensor;

const reduction =
  (op: Op<Unary, Reduction>): Reduce =>
  (x, axes, keepDims = false) => {
    const all = axes?.map((axis) => axisOf(op.name, axis, x)) ?? x.shape.map((_, axis) => axis);
    if (!isFloat(x.dtype)) throw shapeError(op.name, "needs a float tensor", [x]);
    return applyOp(op, [x], {
      axes: [...new Set(all)].toSorted((a, b) => a - b),
      keepDims: keepDims ? 1 : 0,
    });
  };

/** Sum over `axes` (all of them when left out); `keepDims` leaves size 1. */
export const reduceSum: Reduce = reduction(reduceSumOp);
/** Mean over `axes` (all of them when left out); `keepDims` leaves size 1. */
export const reduceMean: Reduce = reduction(reduceMeanOp);
/** Maximum over `axes` (all of them when left out); `keepDims` leaves size 1. */
export const reduceMax: Reduce = reduction(reduceMaxOp);
/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor => applyOp(softmaxOp, [x], {});
/** Logarithm of the softmax over the last axis. */
export const logSoftmax = (x: Tensor): Tensor => applyOp(logSoftmaxOp, [x], {});
/** Index (int64) of the first maximum along `axis`; no gradient. */
export const argmax = (x: Tensor, axis = -1, keepDims = false): Tensor =>
  applyOp(argmaxOp, [x], { axis: axisOf("ArgMax", axis, x), keepDims: keepDims ? 1 : 0 });

export const reduceOps: readonly Op[] = [
  reduceSumOp,
  reduceMeanOp,
  reduceMaxOp,
  softmaxOp,
  logSoftmaxOp,
  argmaxOp,
];
