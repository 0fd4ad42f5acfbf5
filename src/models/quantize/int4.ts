/**
 * Symmetric integers of 4 bits: -7 … 7 times a float32 scale for each 32 of the row-major weight. 5 bits a
 * weight. Stored as code + 8, two a byte, the first in the high half.
 */
import { mul, reshape, sizeOf } from "../../engine/index.ts";
import { outOfBlocks, pairTable, unpackPairs } from "./blocks.ts";
import type { WeightFormat } from "./format.ts";

const BLOCK = 32;
const MOST = 7;
const ZERO = 8;

export const int4: WeightFormat = {
  name: "int4",
  parts: (shape) => ({
    "": { dtype: "uint8", shape: [Math.ceil(sizeOf(shape) / 2)] },
    ".scale": { dtype: "float32", shape: [Math.ceil(sizeOf(shape) / BLOCK)] },
  }),
  pack(data) {
    const scales = new Float32Array(Math.ceil(data.length / BLOCK));
    const codes = new Uint8Array(Math.ceil(data.length / 2));
    for (let block = 0; block < scales.length; block++) {
      const end = Math.min((block + 1) * BLOCK, data.length);
      let most = 0;
      for (let i = block * BLOCK; i < end; i++) most = Math.max(most, Math.abs(data[i]!));
      const scale = Math.fround(most / MOST);
      scales[block] = scale;
      for (let i = block * BLOCK; i < end; i++) {
        const code = scale > 0 ? Math.round(data[i]! / scale) : 0;
        codes[i >> 1]! |= (code + ZERO) << (i % 2 === 0 ? 4 : 0);
      }
    }
    return { "": codes, ".scale": scales };
  },
  unpack(parts, shape) {
    const [codes, scales] = [parts[""]!, parts[".scale"]!];
    const out = new Float32Array(sizeOf(shape));
    for (let i = 0; i < out.length; i++) {
      const byte = Number(codes[i >> 1]);
      const code = (i % 2 === 0 ? byte >> 4 : byte & 15) - ZERO;
      out[i] = code * Number(scales[Math.floor(i / BLOCK)]);
    }
    return out;
  },
  decode(parts, shape, shared) {
    const size = sizeOf(shape);
    const packed = parts[""]!;
    const table = shared("int4 pairs", () => pairTable(packed.graph, (code) => code - ZERO));
    const codes = unpackPairs(packed, table, BLOCK);
    return reshape(outOfBlocks(mul(codes, reshape(parts[".scale"]!, [-1, 1, 1])), size), shape);
  },
};
