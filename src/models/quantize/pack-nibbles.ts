/** Codes of 4 bits, two a byte, the first in the high half. */
import type { Graph, Tensor } from "../../engine/index.ts";

/** `[256, 2]`: what the two codes of each byte stand for. One look-up unpacks both, without bit operations. */
export function unitCodes(graph: Graph, value: (code: number) => number): Tensor {
  const table = new Float32Array(512);
  for (let byte = 0; byte < 256; byte++) {
    table[2 * byte] = value(byte >> 4);
    table[2 * byte + 1] = value(byte & 15);
  }
  return graph.constant(table, "float32", [256, 2]);
}
