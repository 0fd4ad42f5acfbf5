/** A `Tensor` is a value of a graph: element type, static shape, and what produces it. It holds no numbers. */
import { TwainError } from "../core/errors.ts";
import type { Graph, Node } from "./graph.ts";

export type DType =
  | "float32"
  | "float16"
  | "int64"
  | "int32"
  | "uint16"
  | "uint8"
  | "int8"
  | "bool";

/** float16 is carried as its bits, bool as 0 and 1. */
export type TypedArray =
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Uint8Array
  | Int8Array;

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type Origin =
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "constant"; readonly data: TypedArray }
  | { readonly kind: "initializer"; readonly name: string; readonly data: TypedArray }
  | { readonly kind: "node"; readonly node: Node };

export interface Tensor extends TensorType {
  readonly graph: Graph;
  /** Grows with creation, so an input's id is always below its consumer's. */
  readonly id: number;
  readonly origin: Origin;
}

/** Number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  float16: 2,
  int64: 8,
  int32: 4,
  uint16: 2,
  uint8: 1,
  int8: 1,
  bool: 1,
};

/** Bytes of one element. */
export const widthOf = (dtype: DType): number => BYTES[dtype];

/** Bytes that the numbers of a value of this type take. */
export const byteSizeOf = ({ dtype, shape }: TensorType): number => widthOf(dtype) * sizeOf(shape);

export const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float16";

export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** `float32[2,3]` */
export const describe = (type: TensorType): string => `${type.dtype}[${type.shape.join(",")}]`;

/** The error of every failed shape or type check; programs cannot run with it, so it names the op and the operands. */
export function shapeError(
  op: string,
  problem: string,
  operands: readonly TensorType[],
): TwainError {
  return new TwainError("engine/shape", `${op}(${operands.map(describe).join(", ")}): ${problem}`);
}

/** Turns `-1` into the last axis and so on; throws `engine/shape` when out of range. */
export function axisOf(op: string, axis: number, x: TensorType): number {
  const rank = x.shape.length;
  const found = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(found) || found < 0 || found >= rank) {
    throw shapeError(op, `axis ${axis} is outside rank ${rank}`, [x]);
  }
  return found;
}

/** The shape that two operands broadcast to (NumPy rules), or undefined where they do not. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}
