/**
 * NF4 with double quantization (Dettmers et al. 2023, arXiv 2305.14314), byte for byte as bitsandbytes
 * stores it: codes of 4 bits in blocks of 64 over the row-major weight, the first of two in the high half
 * of its byte; block scales less their mean as 8-bit dynamic codes in blocks of 256. 4.13 bits a weight.
 */
import { type TypedArray, add, cast, gather, mul, reshape, sizeOf } from "../../engine/index.ts";
import { inBlocks, outOfBlocks, pairTable, unpackPairs } from "./blocks.ts";
import { DYNAMIC_BLOCK, dynamicMap, quantizeDynamic } from "./dynamic-map.ts";
import type { Parts, WeightFormat } from "./format.ts";

/** Weights of one scale. */
export const NF4_BLOCK = 64;

/** Quantiles of a normal distribution, scaled to [-1, 1], with an exact 0. */
export const NF4_CODEBOOK = Float32Array.of(
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
);

const MIDDLES = Float32Array.from({ length: 15 }, (_, i) =>
  Math.fround(Math.fround(NF4_CODEBOOK[i]! + NF4_CODEBOOK[i + 1]!) / 2),
);

/** The code nearest to `x` in [-1, 1]; a middle goes to the lower one. */
function codeOf(x: number): number {
  let code = x > MIDDLES[7]! ? 8 : 0;
  if (x > MIDDLES[code + 3]!) code += 4;
  if (x > MIDDLES[code + 1]!) code += 2;
  return x > MIDDLES[code]! ? code + 1 : code;
}

/** Codes, two a byte, and the largest absolute value of each block. */
export function quantizeNf4(data: Float32Array): { codes: Uint8Array; absmax: Float32Array } {
  const absmax = new Float32Array(Math.ceil(data.length / NF4_BLOCK));
  const codes = new Uint8Array(Math.ceil(data.length / 2));
  for (let block = 0; block < absmax.length; block++) {
    const end = Math.min((block + 1) * NF4_BLOCK, data.length);
    let most = 0;
    for (let i = block * NF4_BLOCK; i < end; i++) {
      const size = Math.abs(data[i]!);
      if (size > most) most = size;
    }
    absmax[block] = most;
    const inverse = Math.fround(1 / Math.max(most, 1e-38));
    for (let i = block * NF4_BLOCK; i < end; i += 2) {
      const high = codeOf(Math.fround(data[i]! * inverse));
      const low = codeOf(i + 1 < end ? Math.fround(data[i + 1]! * inverse) : 0);
      codes[i >> 1] = (high << 4) | low;
    }
  }
  return { codes, absmax };
}

const meanOf = (values: Float32Array): number =>
  Math.fround(values.reduce((sum, x) => sum + x, 0) / values.length);

/** Double quantization of block scales around `offset`, their mean. */
export function nestAbsmax(
  absmax: Float32Array,
  offset = meanOf(absmax),
): { codes: Uint8Array; scales: Float32Array; offset: number } {
  const centred = absmax.map((x) => x - offset);
  return { ...quantizeDynamic(centred, dynamicMap()), offset };
}

/** map[code] · scale + offset, rounded to float32 after each operation. */
function absmaxOf(codes: TypedArray, scales: TypedArray, offset: number): Float32Array {
  const map = dynamicMap();
  return Float32Array.from({ length: codes.length }, (_, i) => {
    const scale = Number(scales[Math.floor(i / DYNAMIC_BLOCK)]);
    return Math.fround(map[Number(codes[i])]! * scale) + offset;
  });
}

const blocksOf = (shape: readonly number[]): number => Math.ceil(sizeOf(shape) / NF4_BLOCK);

export const nf4: WeightFormat = {
  name: "nf4",
  parts: (shape) => ({
    "": { dtype: "uint8", shape: [Math.ceil(sizeOf(shape) / 2)] },
    ".absmax": { dtype: "uint8", shape: [blocksOf(shape)] },
    ".nested_absmax": { dtype: "float32", shape: [Math.ceil(blocksOf(shape) / DYNAMIC_BLOCK)] },
    ".nested_offset": { dtype: "float32", shape: [1] },
  }),
  pack(data): Parts<TypedArray> {
    const { codes, absmax } = quantizeNf4(data);
    const nested = nestAbsmax(absmax);
    return {
      "": codes,
      ".absmax": nested.codes,
      ".nested_absmax": nested.scales,
      ".nested_offset": Float32Array.of(nested.offset),
    };
  },
  unpack(parts, shape) {
    const codes = parts[""]!;
    const absmax = absmaxOf(
      parts[".absmax"]!,
      parts[".nested_absmax"]!,
      Number(parts[".nested_offset"]![0]),
    );
    return dequantizeNf4(codes, absmax, sizeOf(shape));
  },
  decode(parts, shape, shared) {
    const size = sizeOf(shape);
    const [packed, absmax] = [parts[""]!, parts[".absmax"]!];
    const { graph } = packed;
    const map = shared("dynamic map", () => graph.constant(dynamicMap(), "float32"));
    const table = shared("nf4 pairs", () => pairTable(graph, (code) => NF4_CODEBOOK[code]!));
    const centred = mul(
      gather(map, cast(inBlocks(absmax, DYNAMIC_BLOCK), "int32")),
      reshape(parts[".nested_absmax"]!, [-1, 1]),
    );
    const scales = add(outOfBlocks(centred, absmax.shape[0]!), parts[".nested_offset"]!);
    const numbers = mul(unpackPairs(packed, table, NF4_BLOCK), reshape(scales, [-1, 1, 1]));
    return reshape(outOfBlocks(numbers, size), shape);
  },
};

/** codebook[code] · absmax of its block, for the first `size` codes. */
export function dequantizeNf4(codes: TypedArray, absmax: Float32Array, size: number): Float32Array {
  if (!(codes instanceof Uint8Array)) throw new Error("expected codes as bytes");
  const out = new Float32Array(size);
  // The sixteen numbers of a block are computed once.
  const numbers = new Float32Array(NF4_CODEBOOK.length);
  for (let block = 0; block < absmax.length; block++) {
    const scale = absmax[block]!;
    for (let code = 0; code < numbers.length; code++) numbers[code] = NF4_CODEBOOK[code]! * scale;
    const end = Math.min((block + 1) * NF4_BLOCK, size);
    for (let i = block * NF4_BLOCK; i < end; i += 2) {
      const byte = codes[i >> 1]!;
      out[i] = numbers[byte >> 4]!;
      if (i + 1 < end) out[i + 1] = numbers[byte & 15]!;
    }
  }
  return out;
}
