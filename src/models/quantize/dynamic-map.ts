/**
 * 8-bit dynamic quantization in blocks of 256 (Dettmers et al. 2021, arXiv 2110.02861), as bitsandbytes
 * keeps the block scales of NF4. A signed code spends 0 to 6 bits on a decimal exponent and the rest on a
 * linear fraction in [0.1, 1].
 */

/** Values of one scale. */
export const DYNAMIC_BLOCK = 256;

const EXPONENTS = 7;

/** `count + 1` points from 0.1 to 1 in float32, counted from the nearer end as torch.linspace does. */
function boundaries(count: number): Float32Array {
  const [first, last] = [Math.fround(0.1), 1];
  const step = Math.fround((last - first) / count);
  return Float32Array.from({ length: count + 1 }, (_, i) =>
    i < (count + 1) / 2 ? first + step * i : last - step * (count - i),
  );
}

/** The 256 values in order: -0.993 … 1, with 0 at 127. */
export function dynamicMap(): Float32Array {
  const values = [0, 1];
  for (let exponent = 0; exponent < EXPONENTS; exponent++) {
    const edges = boundaries(2 ** exponent);
    const power = Math.fround(10 ** (exponent - (EXPONENTS - 1)));
    for (let i = 0; i + 1 < edges.length; i++) {
      const mean = Math.fround(Math.fround(edges[i]! + edges[i + 1]!) / 2);
      values.push(Math.fround(power * mean), -Math.fround(power * mean));
    }
  }
  return Float32Array.from(values).toSorted();
}

/** Code and scale of each value, to the nearest of `map`; what lies in the middle goes down. */
export function quantizeDynamic(
  values: Float32Array,
  map: Float32Array,
): { codes: Uint8Array; scales: Float32Array } {
  const codes = new Uint8Array(values.length);
  const scales = new Float32Array(Math.ceil(values.length / DYNAMIC_BLOCK));
  const middles = Float32Array.from({ length: map.length - 1 }, (_, i) =>
    Math.fround(Math.fround(map[i]! + map[i + 1]!) / 2),
  );
  for (let block = 0; block < scales.length; block++) {
    const end = Math.min((block + 1) * DYNAMIC_BLOCK, values.length);
    let scale = 0;
    for (let i = block * DYNAMIC_BLOCK; i < end; i++) scale = Math.max(scale, Math.abs(values[i]!));
    scales[block] = scale;
    // A block of zeros keeps code 0: its scale says all.
    if (scale === 0) continue;
    const inverse = Math.fround(1 / scale);
    for (let i = block * DYNAMIC_BLOCK; i < end; i++)
      codes[i] = below(middles, Math.fround(values[i]! * inverse));
  }
  return { codes, scales };
}

/** How many of the sorted `middles` are smaller than `x`. */
function below(middles: Float32Array, x: number): number {
  let [low, high] = [0, middles.length];
  while (low < high) {
    const at = (low + high) >> 1;
    if (middles[at]! < x) low = at + 1;
    else high = at;
  }
  return low;
}
