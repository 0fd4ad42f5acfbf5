/**
 * Which of many vectors may point the same way, without comparing all with all: the signs of random projections
 * (Charikar 2002). Two vectors at angle θ are on one side of a random hyperplane with probability p = 1 - θ/π, so they
 * share a band of `rows` signs with p^rows, and one of `bands` with 1 - (1 - p^rows)^bands.
 */
import type { Random } from "../../core/random.ts";

/** Share of the pairs at the threshold itself that have a band in common; pairs more alike have one oftener. */
const RECALL = 0.99;
/** A key is one signed 32-bit integer. */
const MOST_ROWS = 24;
/** Each takes 8 bytes of a vector's memory, so that at a low threshold bands are shorter rather than more. */
const MOST_BANDS = 64;

/** Of `size` numbers of `x` from `i` and of `y` from `j`. Four sums, since each addition has to wait for the one before. */
function innerProduct(
  x: Float32Array,
  i: number,
  y: Float32Array,
  j: number,
  size: number,
): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < size; k += 4) {
    a += x[i + k]! * y[j + k]!;
    b += x[i + k + 1]! * y[j + k + 1]!;
    c += x[i + k + 2]! * y[j + k + 2]!;
    d += x[i + k + 3]! * y[j + k + 3]!;
  }
  for (; k < size; k++) a += x[i + k]! * y[j + k]!;
  return a + b + (c + d);
}

/** Vectors of one length, in blocks: one array would have to be copied to grow, and memory hold it twice. */
export interface VectorList {
  /** Numbers in each. */
  readonly size: number;
  readonly length: number;
  add(vector: Float32Array): void;
  /** Inner product of two of them. */
  dot(a: number, b: number): number;
  /** Valid as long as the list. */
  at(index: number): Float32Array;
}

const BLOCK = 4096;

export function createVectorList(size: number): VectorList {
  const blocks: Float32Array[] = [];
  let length = 0;
  return {
    size,
    get length() {
      return length;
    },
    add(vector) {
      if (length % BLOCK === 0) blocks.push(new Float32Array(BLOCK * size));
      blocks.at(-1)!.set(vector, (length++ % BLOCK) * size);
    },
    dot(a, b) {
      const x = blocks[Math.floor(a / BLOCK)]!;
      const y = blocks[Math.floor(b / BLOCK)]!;
      const i = (a % BLOCK) * size;
      const j = (b % BLOCK) * size;
      return innerProduct(x, i, y, j, size);
    },
    at: (index) =>
      blocks[Math.floor(index / BLOCK)]!.subarray(
        (index % BLOCK) * size,
        ((index % BLOCK) + 1) * size,
      ),
  };
}

export interface Bands {
  /** Signs in one band. */
  rows: number;
  bands: number;
}

/** More rows for more vectors, so that a band's groups stay small; as many bands as `RECALL` at `threshold` asks. */
export function bandsFor(count: number, threshold: number): Bands {
  const side = 1 - Math.acos(threshold) / Math.PI;
  // At a threshold of 1 one band would do; two keep rounding from deciding it.
  const bandsOf = (rows: number): number =>
    Math.max(2, Math.ceil(Math.log(1 - RECALL) / Math.log(1 - side ** rows)));
  let rows = Math.min(MOST_ROWS, Math.max(4, Math.ceil(Math.log2(Math.max(1, count))) - 2));
  while (rows > 1 && bandsOf(rows) > MOST_BANDS) rows--;
  return { rows, bands: bandsOf(rows) };
}

/** For each vector its key in each band, `bands` in a row. */
export function hyperplaneKeys(
  vectors: VectorList,
  { rows, bands }: Bands,
  random: Random,
): Int32Array {
  const { size } = vectors;
  const planes = Float32Array.from({ length: rows * bands * size }, () => random.normal());
  const keys = new Int32Array(vectors.length * bands);
  for (let i = 0; i < vectors.length; i++) {
    const vector = vectors.at(i);
    for (let band = 0; band < bands; band++) {
      let key = 0;
      for (let row = 0; row < rows; row++) {
        const plane = (band * rows + row) * size;
        const side = innerProduct(vector, 0, planes, plane, size);
        key = (key << 1) | (side >= 0 ? 1 : 0);
      }
      keys[i * bands + band] = key;
    }
  }
  return keys;
}
