/** A `Value` is numbers with a type and a shape: what goes into a program and comes out of it. */
import { type TensorType, type DType, type TypedArray } from "./tensor.ts";
import { typedArray } from "./typed-array.ts";

export interface Value extends TensorType {
  /** Shared, not copied: an output may be fed back as it is. */
  readonly data: TypedArray;
}

/** Wraps `data` (used as it is when it is the right typed array); throws `engine/shape` for a wrong length. */
export const value = (
  dtype: DType,
  shape: readonly number[],
  data: readonly number[] | TypedArray,
): Value => ({
  dtype,
  shape,
  data: typedArray(dtype, shape, data),
});
