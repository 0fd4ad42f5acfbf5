/** Operands for every registered op, for the tests that walk all of them. */
import { createRandom } from "../../core/random.ts";
import { normals, numbersOf } from "../finite-differences.ts";
import { type Tensor } from "../tensor.ts";
import { type Value, value } from "../value.ts";
import { after, firstSize, reshapeAfter } from "./after.ts";
import * as e from "./elementwise.ts";
import * as i from "./indexing.ts";
import * as f from "./inference.ts";
import * as l from "./layout.ts";
import { matmul } from "./matmul.ts";
import * as r from "./reduce.ts";

const random = createRandom(7);
export interface OpCase {
  build: (...inputs: Tensor[]) => Tensor;
  inputs: Value[];
  step?: number;
}

type Shape = readonly number[];
const of = (build: OpCase["build"], ...shapes: Shape[]): OpCase => ({
  build,
  inputs: shapes.map((shape) => normals(random, shape)),
});
/** Numbers from 0.5 up, for functions with a pole or a cliff at 0. */
const positive = (build: OpCase["build"], ...shapes: Shape[]): OpCase => ({
  build,
  inputs: shapes.map((shape) => {
    const x = normals(random, shape);
    return value(
      "float32",
      shape,
      Array.from(numbersOf(x), (item) => 0.5 + Math.abs(item)),
    );
  }),
});
/** Numbers that differ by at least 0.2, so that a step does not change an order. */
const distinct = (build: OpCase["build"], ...shapes: Shape[]): OpCase => {
  let next = 0;
  return {
    build,
    inputs: shapes.map((shape) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const items = Array.from({ length: size }, () => 0.1 + 0.2 * (next++ - 5));
      return value("float32", shape, random.shuffle(items));
    }),
  };
};
const int64 = (shape: Shape, items: number[]): Value => value("int64", shape, items);
const bool = (shape: Shape, items: number[]): Value => value("bool", shape, items);
const binary = (op: (a: Tensor, b: Tensor) => Tensor, make = of): OpCase[] => [
  make(op, [2, 3], [2, 3]),
  make(op, [2, 1, 3], [4, 1]),
  make(op, [], [3]),
];
const all = (
  op: (x: Tensor, axes?: readonly number[], keepDims?: boolean) => Tensor,
  make = of,
): OpCase[] => [
  make((x) => op(x), [2, 3]),
  make((x) => op(x, [-1], true), [2, 3]),
  make((x) => op(x, [0, 2]), [2, 3, 2]),
  make((x) => op(x, []), [2, 3]),
];
const pick = normals(random, [3, 4]);

const product = (a: Tensor, b: Tensor): Tensor => matmul(a, b);
/** By the op's name; the op stands somewhere in what each builds. */
export const opCases: Readonly<Record<string, readonly OpCase[]>> = {
  Add: binary(e.add),
  Sub: binary(e.sub),
  Mul: binary(e.mul),
  Div: binary(e.div, positive),
  Max: binary(e.max, distinct),
  Min: binary(e.min, distinct),
  Neg: [of(e.neg, [3])],
  Exp: [of(e.exp, [2, 2])],
  Log: [positive(e.log, [4])],
  Sqrt: [positive(e.sqrt, [4])],
  Reciprocal: [positive(e.reciprocal, [4])],
  Sigmoid: [of(e.sigmoid, [4])],
  Tanh: [of(e.tanh, [4])],
  Abs: [distinct(e.abs, [6])],
  Sign: [distinct(e.sign, [6])],
  Equal: [of((a, b) => e.equal(a, b), [2, 3], [3])],
  Less: [of((a, b) => e.less(a, b), [2, 3], [2, 1])],
  Where: [
    {
      build: e.where,
      inputs: [bool([3], [1, 0, 1]), normals(random, [2, 3]), normals(random, [2, 1])],
    },
    {
      build: e.where,
      inputs: [bool([2, 1, 1], [1, 0]), normals(random, []), normals(random, [3])],
    },
  ],
  // Sixteenths are exact in half precision, so rounding does not blur the difference.
  Cast: [
    {
      build: (x) => e.cast(e.cast(x, "float16"), "float32"),
      inputs: [value("float32", [3], [0.25, -1.5, 2])],
      step: 1 / 16,
    },
    of((x) => e.cast(x, "int32"), [3]),
  ],
  MatMul: [
    of(product, [2, 3], [3, 4]),
    of(product, [2, 2, 3], [3, 4]),
    of(product, [2, 3], [2, 3, 2]),
    of(product, [2, 1, 2, 3], [3, 3, 2]),
    ...[
      [2, 3],
      [2, 2, 3],
    ].flatMap((a) => [
      of((x, y) => matmul(x, y, { transB: true }), a, [4, 3]),
      of((x, y) => matmul(x, y, { transA: true }), a, [2, 4]),
      of((x, y) => matmul(x, y, { transA: true, transB: true }), a, [4, 2]),
    ]),
    of((x, y) => matmul(x, y, { transB: true }), [2, 1, 2, 3], [3, 2, 3]),
    of((x, y) => matmul(x, y, { transA: true }), [2, 3, 2], [2, 3, 2]),
    of((x, y) => matmul(x, y, { transA: true, transB: true }), [2, 3, 2], [2, 2, 3]),
  ],
  Reshape: [of((x) => l.reshape(x, [3, -1]), [2, 3, 2]), of((x) => l.reshape(x, []), [1, 1])],
  Transpose: [of((x) => l.transpose(x, [2, 0, 1]), [2, 3, 2])],
  Expand: [of((x) => l.expand(x, [2, 3, 2]), [3, 1]), of((x) => l.expand(x, [2]), [])],
  Concat: [
    of((...x) => l.concat(x, 1), [2, 1], [2, 3], [2, 2]),
    of((x) => l.concat([x, x], -1), [2, 2]),
  ],
  Slice: [of((x) => l.slice(x, -1, 1, 3), [2, 4]), of((x) => l.slice(x, 0, 0, 0), [2, 2])],
  Pad: [of((x) => l.pad(x, 0, 1, 2), [2, 2]), of((x) => l.pad(x, 1, 0, 1), [2, 1, 2])],
  Identity: [of(l.identity, [2])],
  StopGradient: [of((x) => e.equal(l.stopGradient(x), x), [2])],
  Gather: [
    {
      build: (x, at) => i.gather(x, at),
      inputs: [normals(random, [4, 2]), int64([2, 3], [0, 3, 3, 1, 0, 3])],
    },
    {
      build: (x, at) => i.gather(x, at, 1),
      inputs: [normals(random, [2, 3, 2]), int64([2, 2], [0, 2, 2, 1])],
    },
    {
      build: (x, at) => i.gather(x, at),
      inputs: [normals(random, [3, 2]), value("int32", [2], [2, 2])],
    },
    { build: (x, at) => i.gather(x, at, -1), inputs: [normals(random, [2, 3]), int64([], [1])] },
  ],
  ScatterAdd: [
    {
      build: i.scatterAdd,
      inputs: [normals(random, [4, 2]), int64([3], [1, 1, 3]), normals(random, [3, 2])],
    },
    {
      build: i.scatterAdd,
      inputs: [normals(random, [4]), int64([2, 2], [1, 0, 3, 1]), normals(random, [2, 2])],
    },
  ],
  GatherElements: [
    {
      build: (x, at) => i.gatherElements(x, at, 1),
      inputs: [pick, int64([3, 2], [0, 0, 3, 1, 2, 2])],
    },
    { build: (x, at) => i.gatherElements(x, at, 0), inputs: [pick, int64([1, 4], [0, 2, 2, 1])] },
  ],
  ScatterElementsAdd: [
    {
      build: (x, at, y) => i.scatterElementsAdd(x, at, y, 1),
      inputs: [pick, int64([3, 2], [0, 0, 3, 1, 2, 2]), normals(random, [3, 2])],
    },
  ],
  ReduceSum: all(r.reduceSum),
  ReduceMean: all(r.reduceMean),
  ReduceMax: all(r.reduceMax, distinct),
  Softmax: [of(r.softmax, [2, 4]), of(r.softmax, [3])],
  LogSoftmax: [of(r.logSoftmax, [2, 4])],
  ArgMax: [of((x) => r.argmax(x), [2, 3]), of((x) => r.argmax(x, 0, true), [2, 3])],
  After: [
    {
      build: (x, y) => e.add(after(x, e.exp(y)), l.reshape(e.exp(y), [3, 1])),
      inputs: [pick, normals(random, [3])],
    },
    {
      build: (x, y) => after(x, e.exp(y)),
      inputs: [value("uint8", [2, 2], [1, 255, 0, 7]), normals(random, [3])],
    },
  ],
  FusedRmsNorm: [of((x, w) => f.fusedRmsNorm(x, w, 1e-5), [2, 3, 4], [4])],
  FusedRope: [
    {
      build: (x, at, cos, sin) => f.fusedRope(x, 2, at, { cos, sin }),
      inputs: [
        normals(random, [1, 3, 8]),
        int64([1, 3], [0, 4, 1]),
        normals(random, [5, 2]),
        normals(random, [5, 2]),
      ],
    },
  ],
  Part: [
    {
      build: (x, from, to) => f.part(x, -1, from, to, 2),
      inputs: [normals(random, [3, 4]), int64([1], [1]), int64([1], [3])],
    },
  ],
  ReshapeTo: [
    { build: (x, y) => reshapeAfter(x, y), inputs: [pick, normals(random, [])] },
    {
      build: (x, y) => reshapeAfter(x, y),
      inputs: [value("uint8", [3], [1, 2, 3]), normals(random, [])],
    },
    {
      build: (x, y, z) => reshapeAfter(x, y, z),
      inputs: [value("uint8", [3, 1, 2], [1, 2, 3, 4, 5, 6]), pick, normals(random, [1, 2])],
    },
  ],
  FirstSize: [
    { build: firstSize, inputs: [normals(random, [3, 2])] },
    { build: firstSize, inputs: [int64([1], [7])] },
  ],
};
