/** Graph pieces that formats with codes of 4 bits and scales of blocks share. */
import { type Graph, type Tensor, cast, gather, pad, reshape, slice } from "../../engine/index.ts";

/** `x` `[n]` filled with zeros up to `[ceil(n / block), block]`. */
export function inBlocks(x: Tensor, block: number): Tensor {
  const [size] = x.shape as [number];
  const blocks = Math.ceil(size / block);
  return reshape(blocks * block === size ? x : pad(x, 0, 0, blocks * block - size), [
    blocks,
    block,
  ]);
}

/** The inverse of `inBlocks`. */
export function outOfBlocks(x: Tensor, size: number): Tensor {
  const flat = reshape(x, [-1]);
  return flat.shape[0] === size ? flat : slice(flat, 0, 0, size);
}

/** `[256, 2]`: what the two codes of each byte stand for. One look-up unpacks both, without bit operations. */
export function pairTable(graph: Graph, value: (code: number) => number): Tensor {
  const table = new Float32Array(512);
  for (let byte = 0; byte < 256; byte++) {
    table[2 * byte] = value(byte >> 4);
    table[2 * byte + 1] = value(byte & 15);
  }
  return graph.constant(table, "float32", [256, 2]);
}

/** Codes of `packed` by `table` in blocks of `block`, the one in the high half of a byte first: `[blocks, block / 2, 2]`. */
export function unpackPairs(packed: Tensor, table: Tensor, block: number): Tensor {
  // int32, for the runtime takes no smaller indices; int64 would be as large as the weights.
  return gather(table, cast(inBlocks(packed, block / 2), "int32"));
}
