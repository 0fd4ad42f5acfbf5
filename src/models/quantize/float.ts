/** Weights kept as floats: of 16 bits, converted where they are used, or of 32 as they are. */
import { TwainError } from "../../core/errors.ts";
import { type TypedArray, cast, fromHalves, gather, sizeOf, toHalves } from "../../engine/index.ts";
import type { WeightFormat } from "./format.ts";

const MOST_HALF = 65_504;

/** IEEE half precision: 11 significant bits, up to 65,504; below 6e-5 fewer bits. */
export const f16: WeightFormat = {
  name: "f16",
  parts: (shape) => ({ "": { dtype: "float16", shape } }),
  pack(data) {
    const beyond = data.find((x) => Math.abs(x) > MOST_HALF);
    if (beyond !== undefined)
      throw new TwainError(
        "model/quantize-range",
        `${beyond} is over ${MOST_HALF}, the most of f16`,
        {
          hint: 'Use train.quantization "bf16", which keeps the range of float32.',
        },
      );
    return { "": toHalves(data) };
  },
  unpack: (parts) => fromHalves(parts[""] as Uint16Array),
  decode: (parts) => cast(parts[""]!, "float32"),
};

/** The upper 16 bits of float32, rounded to even: 8 significant bits. */
export const bf16: WeightFormat = {
  name: "bf16",
  parts: (shape) => ({ "": { dtype: "uint16", shape } }),
  pack(data) {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    const upper = new Uint16Array(bits.length);
    for (let i = 0; i < bits.length; i++)
      upper[i] = (bits[i]! + 0x7fff + ((bits[i]! >>> 16) & 1)) >>> 16;
    return { "": upper };
  },
  unpack: (parts, shape) => widen(parts[""]!, sizeOf(shape)),
  // The runtime's binding for Node takes no bfloat16, and no operator reads bits as a float: look it up.
  decode(parts, _shape, shared) {
    const bits = parts[""]!;
    const table = shared("bf16 values", () =>
      bits.graph.constant(
        widen(
          Uint16Array.from({ length: 1 << 16 }, (_, i) => i),
          1 << 16,
        ),
        "float32",
      ),
    );
    return gather(table, cast(bits, "int32"));
  },
};

function widen(bits: TypedArray, size: number): Float32Array {
  const out = new Uint32Array(size);
  for (let i = 0; i < size; i++) out[i] = Number(bits[i]) << 16;
  return new Float32Array(out.buffer);
}

/** Norms and biases: too few to be worth a loss. */
export const f32: WeightFormat = {
  name: "f32",
  parts: (shape) => ({ "": { dtype: "float32", shape } }),
  pack: (data) => ({ "": data }),
  unpack: (parts) => Float32Array.from(parts[""] as Float32Array),
  decode: (parts) => parts[""]!,
};
