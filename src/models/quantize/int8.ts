/** Symmetric integers of 8 bits: -127 … 127 times one float32 scale for each row (output feature). */
import { cast, mul, reshape, sizeOf } from "../../engine/index.ts";
import type { WeightFormat } from "./format.ts";

const MOST = 127;

export const int8: WeightFormat = {
  name: "int8",
  parts: (shape) => ({
    "": { dtype: "int8", shape },
    ".scale": { dtype: "float32", shape: [shape[0] ?? 1] },
  }),
  pack(data, shape) {
    const scales = new Float32Array(shape[0] ?? 1);
    const width = data.length / scales.length;
    const codes = new Int8Array(data.length);
    for (let row = 0; row < scales.length; row++) {
      const values = data.subarray(row * width, (row + 1) * width);
      const scale = Math.fround(values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / MOST);
      scales[row] = scale;
      if (scale === 0) continue;
      for (let i = 0; i < width; i++) codes[row * width + i] = Math.round(values[i]! / scale);
    }
    return { "": codes, ".scale": scales };
  },
  unpack(parts, shape) {
    const [codes, scales] = [parts[""]!, parts[".scale"]!];
    const width = sizeOf(shape) / scales.length;
    return Float32Array.from(
      { length: sizeOf(shape) },
      (_, i) => Number(codes[i]) * Number(scales[Math.floor(i / width)]),
    );
  },
  decode: (parts, shape) =>
    mul(
      cast(parts[""]!, "float32"),
      reshape(parts[".scale"]!, [shape[0] ?? 1, ...shape.slice(1).map(() => 1)]),
    ),
};
