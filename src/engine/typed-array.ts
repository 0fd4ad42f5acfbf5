/** Numbers into the typed array that onnxruntime wants for an element type. */
import { TwainError } from "../core/errors.ts";
import { type DType, type TypedArray, sizeOf } from "./tensor.ts";

/** The bits of the nearest half-precision number (ties to even); overflow becomes infinity. */
export const toHalf = (value: number): number =>
  halfOf(new Uint32Array(new Float32Array([value]).buffer)[0]!);

/** Half-precision bits of many numbers. */
export function toHalves(data: Float32Array): Uint16Array {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  const halves = new Uint16Array(bits.length);
  // A loop: `from` with a function takes many times as long.
  for (let i = 0; i < bits.length; i++) halves[i] = halfOf(bits[i]!);
  return halves;
}

/** From the bits of a float32. */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  const shifted = exponent - 127 + 15;
  if (shifted >= 31) return sign | 0x7c00;
  const subnormal = shifted <= 0;
  if (subnormal && shifted < -10) return sign;
  const full = subnormal ? mantissa | 0x800000 : mantissa;
  const drop = subnormal ? 14 - shifted : 13;
  const kept = (subnormal ? 0 : shifted << 10) + (full >>> drop);
  const rest = full & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  // A carry out of the mantissa correctly becomes the next exponent.
  return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
}

/** The number that half-precision bits stand for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** From so many on it is quicker to look the 65,536 halves up than to convert each. */
const MANY_HALVES = 1 << 18;

/** The numbers that half-precision bits stand for. */
export function fromHalves(halves: Uint16Array): Float32Array {
  const out = new Float32Array(halves.length);
  if (halves.length <= MANY_HALVES) {
    for (let i = 0; i < halves.length; i++) out[i] = fromHalf(halves[i]!);
    return out;
  }
  const table = Float32Array.from({ length: 1 << 16 }, (_, half) => fromHalf(half));
  for (let i = 0; i < halves.length; i++) out[i] = table[halves[i]!]!;
  return out;
}

export function isArrayOf(dtype: DType, data: TypedArray): boolean {
  switch (dtype) {
    case "float32":
      return data instanceof Float32Array;
    case "float16":
    case "uint16":
      return data instanceof Uint16Array;
    case "int64":
      return data instanceof BigInt64Array;
    case "int32":
      return data instanceof Int32Array;
    case "uint8":
    case "bool":
      return data instanceof Uint8Array;
    case "int8":
      return data instanceof Int8Array;
  }
}

function fromNumbers(dtype: DType, data: readonly number[]): TypedArray {
  switch (dtype) {
    case "float32":
      return Float32Array.from(data);
    case "float16":
      return Uint16Array.from(data, toHalf);
    case "int64":
      return BigInt64Array.from(data, BigInt);
    case "int32":
      return Int32Array.from(data);
    case "uint8":
    case "bool":
      return Uint8Array.from(data);
    case "uint16":
      return Uint16Array.from(data);
    case "int8":
      return Int8Array.from(data);
  }
}

/** Checks or makes the array for `shape`; throws `engine/shape` for a wrong length or array class. */
export function typedArray(
  dtype: DType,
  shape: readonly number[],
  data: readonly number[] | TypedArray,
): TypedArray {
  const array = Array.isArray(data)
    ? fromNumbers(dtype, data as readonly number[])
    : (data as TypedArray);
  if (!isArrayOf(dtype, array)) {
    throw new TwainError("engine/shape", `${dtype} data cannot be a ${array.constructor.name}`);
  }
  if (array.length !== sizeOf(shape)) {
    throw new TwainError(
      "engine/shape",
      `${array.length} numbers for ${dtype}[${shape.join(",")}], which holds ${sizeOf(shape)}`,
    );
  }
  return array;
}
