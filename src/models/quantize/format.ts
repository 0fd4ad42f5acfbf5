/** How a frozen weight is kept and how a graph gets its numbers back. One file a format implements it. */
import type { Tensor, TensorType, TypedArray } from "../../engine/index.ts";

/**
 * The arrays that stand for a weight, by what is added to its name: "" for the codes, ".absmax" and so on
 * for scales. Names and bytes are those of checkpoints where there is a custom (bitsandbytes).
 */
export type Parts<Of> = Readonly<Record<string, Of>>;

/** A tensor of the graph that is made once, however many weights use it. */
export type Shared = (name: string, make: () => Tensor) => Tensor;

export interface WeightFormat {
  readonly name: string;
  /** What the parts of a weight of `shape` are like. */
  parts(shape: readonly number[]): Parts<TensorType>;
  /** Quantizes. Throws `model/quantize-range` for numbers that the format cannot hold. */
  pack(data: Float32Array, shape: readonly number[]): Parts<TypedArray>;
  /** The numbers that the parts stand for. */
  unpack(parts: Parts<TypedArray>, shape: readonly number[]): Float32Array;
  /** The same numbers, bit for bit, computed by the graph: float32 of `shape`. */
  decode(parts: Parts<Tensor>, shape: readonly number[], shared: Shared): Tensor;
}

/** A weight as it is kept. */
export interface PackedTensor {
  readonly shape: readonly number[];
  readonly format: WeightFormat;
  readonly parts: Parts<TypedArray>;
}
