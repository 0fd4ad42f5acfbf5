/** Ops that work element by element, with NumPy broadcasting. */
import { type Op, type OnnxForm, applyOp, defineOp } from "../op.ts";
import {
  type DType,
  type Tensor,
  type TensorType,
  broadcastShapes,
  isFloat,
  shapeError,
} from "../tensor.ts";

type Unary = [x: Tensor];
type Binary = [a: Tensor, b: Tensor];
type None = Record<never, never>;

function floatOnly(name: string, x: Tensor): TensorType {
  if (!isFloat(x.dtype)) throw shapeError(name, "needs a float tensor", [x]);
  return { dtype: x.dtype, shape: x.shape };
}

function broadcast(name: string, a: Tensor, b: Tensor): TensorType {
  if (a.dtype !== b.dtype) throw shapeError(name, "operands have different types", [a, b]);
  const shape = broadcastShapes(a.shape, b.shape);
  if (!shape) throw shapeError(name, "shapes do not broadcast", [a, b]);
  return { dtype: a.dtype, shape };
}

const unary = (
  name: string,
  derivative: (dy: Tensor, x: Tensor, y: Tensor) => Tensor,
): Op<Unary, None> =>
  defineOp<Unary, None>({
    name,
    infer: ([x]) => floatOnly(name, x),
    grad: (dy, [x], y) => [derivative(dy, x, y)],
  });

const binary = (
  name: string,
  derivatives: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => [Tensor, Tensor],
): Op<Binary, None> =>
  defineOp<Binary, None>({
    name,
    infer: ([a, b]) => broadcast(name, a, b),
    grad: (dy, [a, b], y) => derivatives(dy, a, b, y),
  });

const comparison = (name: string): Op<Binary, None> =>
  defineOp<Binary, None>({
    name,
    infer: ([a, b]) => ({ dtype: "bool", shape: broadcast(name, a, b).shape }),
  });

const addOp = binary("Add", (dy) => [dy, dy]);
const subOp = binary("Sub", (dy) => [dy, neg(dy)]);
const mulOp = binary("Mul", (dy, a, b) => [mul(dy, b), mul(dy, a)]);
const divOp = binary("Div", (dy, _a, b, y) => {
  const da = div(dy, b);
  return [da, neg(mul(da, y))];
});
/** Where both are equal the first operand gets the gradient. */
const maxOp = binary("Max", (dy, a, b) => {
  const zero = constantLike(dy, 0);
  const second = less(a, b);
  return [where(second, zero, dy), where(second, dy, zero)];
});
const minOp = binary("Min", (dy, a, b) => {
  const zero = constantLike(dy, 0);
  const second = less(b, a);
  return [where(second, zero, dy), where(second, dy, zero)];
});

const negOp = unary("Neg", (dy) => neg(dy));
const expOp = unary("Exp", (dy, _x, y) => mul(dy, y));
const logOp = unary("Log", (dy, x) => div(dy, x));
const sqrtOp = unary("Sqrt", (dy, _x, y) => div(scale(dy, 0.5), y));
const reciprocalOp = unary("Reciprocal", (dy, _x, y) => neg(mul(dy, mul(y, y))));
const sigmoidOp = unary("Sigmoid", (dy, _x, y) => mul(dy, sub(y, mul(y, y))));
const tanhOp = unary("Tanh", (dy, _x, y) => sub(dy, mul(dy, mul(y, y))));
const absOp = unary("Abs", (dy, x) => mul(dy, sign(x)));
const signOp = defineOp<Unary, None>({ name: "Sign", infer: ([x]) => floatOnly("Sign", x) });

const equalOp = comparison("Equal");
const lessOp = comparison("Less");

const whereOp = defineOp<[condition: Tensor, a: Tensor, b: Tensor], None>({
  name: "Where",
  infer: ([condition, a, b]) => {
    if (condition.dtype !== "bool")
      throw shapeError("Where", "the condition is not bool", [condition, a, b]);
    const chosen = broadcast("Where", a, b);
    const shape = broadcastShapes(condition.shape, chosen.shape);
    if (!shape) throw shapeError("Where", "shapes do not broadcast", [condition, a, b]);
    return { dtype: a.dtype, shape };
  },
  grad: (dy, [condition]) => {
    const zero = constantLike(dy, 0);
    return [undefined, where(condition, dy, zero), where(condition, zero, dy)];
  },
});

/** TensorProto's numbers, which the attribute `to` of Cast uses. */
export const ONNX_DTYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

const castOp = defineOp<Unary, { to: DType }>({
  name: "Cast",
  infer: ([x], { to }) => ({ dtype: to, shape: x.shape }),
  grad: (dy, [x]) => [cast(dy, x.dtype)],
  onnx: ({ to }): OnnxForm => ({ type: "Cast", attributes: { to: ONNX_DTYPES[to] } }),
});

export const add = (a: Tensor, b: Tensor): Tensor => applyOp(addOp, [a, b], {});
export const sub = (a: Tensor, b: Tensor): Tensor => applyOp(subOp, [a, b], {});
export const mul = (a: Tensor, b: Tensor): Tensor => applyOp(mulOp, [a, b], {});
export const div = (a: Tensor, b: Tensor): Tensor => applyOp(divOp, [a, b], {});
/** The larger of two, element by element. */
export const max = (a: Tensor, b: Tensor): Tensor => applyOp(maxOp, [a, b], {});
/** The smaller of two, element by element. */
export const min = (a: Tensor, b: Tensor): Tensor => applyOp(minOp, [a, b], {});
export const neg = (x: Tensor): Tensor => applyOp(negOp, [x], {});
export const exp = (x: Tensor): Tensor => applyOp(expOp, [x], {});
export const log = (x: Tensor): Tensor => applyOp(logOp, [x], {});
export const sqrt = (x: Tensor): Tensor => applyOp(sqrtOp, [x], {});
export const reciprocal = (x: Tensor): Tensor => applyOp(reciprocalOp, [x], {});
export const sigmoid = (x: Tensor): Tensor => applyOp(sigmoidOp, [x], {});
export const tanh = (x: Tensor): Tensor => applyOp(tanhOp, [x], {});
export const abs = (x: Tensor): Tensor => applyOp(absOp, [x], {});
export const sign = (x: Tensor): Tensor => applyOp(signOp, [x], {});
export const equal = (a: Tensor, b: Tensor): Tensor => applyOp(equalOp, [a, b], {});
export const less = (a: Tensor, b: Tensor): Tensor => applyOp(lessOp, [a, b], {});
/** `condition ? a : b`, all three broadcast. */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor =>
  applyOp(whereOp, [condition, a, b], {});
export const cast = (x: Tensor, to: DType): Tensor =>
  x.dtype === to ? x : applyOp(castOp, [x], { to });

/** A scalar of `x`'s type. */
export const constantLike = (x: Tensor, value: number): Tensor => x.graph.constant(value, x.dtype);

/** `x * factor` */
export const scale = (x: Tensor, factor: number): Tensor => mul(x, constantLike(x, factor));

/** log(sigmoid(x)) without overflow at either end: min(x, 0) - log(1 + exp(-|x|)). */
export const logSigmoid = (x: Tensor): Tensor =>
  sub(min(x, constantLike(x, 0)), log(add(exp(neg(abs(x))), constantLike(x, 1))));

export const elementwiseOps: readonly Op[] = [
  addOp,
  subOp,
  mulOp,
  divOp,
  maxOp,
  minOp,
  negOp,
  expOp,
  logOp,
  sqrtOp,
  reciprocalOp,
  sigmoidOp,
  tanhOp,
  absOp,
  signOp,
  equalOp,
  lessOp,
  whereOp,
  castOp,
];
