/**
 * Shingles, MinHash signatures and exact Jaccard, on typed arrays. Hashes are signed 32-bit integers
 * throughout: unsigned ones do not fit V8's small integers, and every step would go through floats.
 */
import type { Random } from "../../core/random.ts";
import { LANES, createMinimaKernel } from "./minima-wasm.ts";

/** FNV-1a's offset basis as a signed integer. */
const FNV_START = 0x811c9dc5 | 0;

/** Murmur3's last mix: every bit of the input reaches every bit of the output. */
const mix = (value: number): number => {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
};

/**
 * FNV-1a of every word, hashed while the text is read: letters and digits, case folded, apostrophes
 * ignored. No word becomes a string.
 */
export function hashWords(text: string): Int32Array {
  const hashes = new Int32Array((text.length >> 1) + 1);
  let count = 0;
  let hash = FNV_START;
  let inside = false;
  for (let i = 0; i <= text.length; i++) {
    let code = i < text.length ? text.charCodeAt(i) : 32;
    if (code >= 65 && code <= 90) code += 32;
    // Letters beyond ASCII count as letters; the normaliser has made dashes and quotes plain, but for "—".
    const word =
      (code >= 97 && code <= 122) ||
      (code >= 48 && code <= 57) ||
      (code >= 0xc0 && (code < 0x2000 || code > 0x206f));
    if (word) {
      hash = Math.imul(hash ^ code, 0x01000193);
      inside = true;
    } else if (inside && code !== 39) {
      hashes[count++] = hash;
      hash = FNV_START;
      inside = false;
    }
  }
  return hashes.subarray(0, count);
}

/**
 * The word n-grams of a text in its order. A text shorter than `n` words is one shingle as a whole: with
 * none at all, every short text would equal every other.
 */
export function hashShingles(text: string, n: number): Int32Array {
  const words = hashWords(text);
  const size = Math.max(1, words.length - n + 1);
  const width = Math.min(n, words.length);
  const shingles = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    let hash = width;
    for (let k = 0; k < width; k++)
      hash = Math.imul(hash, 0x01000193) ^ mix((words[i + k]! + k) | 0);
    shingles[i] = mix(hash);
  }
  return shingles;
}

/** The set of them, sorted. */
export function shinglesOf(text: string, n: number): Int32Array {
  const shingles = hashShingles(text, n).sort();
  let kept = 1;
  for (let i = 1; i < shingles.length; i++)
    if (shingles[i] !== shingles[i - 1]) shingles[kept++] = shingles[i]!;
  return shingles.subarray(0, kept);
}

/** Size of the intersection of two sorted sets. */
export function overlap(a: Int32Array, b: Int32Array): number {
  let shared = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const x = a[i]!;
    const y = b[j]!;
    if (x === y) shared++;
    if (x <= y) i++;
    if (y <= x) j++;
  }
  return shared;
}

/** |A ∩ B| / |A ∪ B| of two sorted sets. */
export function jaccard(a: Int32Array, b: Int32Array): number {
  const shared = overlap(a, b);
  return shared / (a.length + b.length - shared);
}

/** Shingles that are in the memory of the inner loop at once; a book's come in several turns. */
const TURN = 1 << 14;

/**
 * A function from shingles (repeated or not, in any order) to one key for each band. Two sets of similarity s share a band with
 * probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", section 3.4).
 */
export function createBander(
  bands: number,
  rows: number,
  random: Random,
): (shingles: Int32Array) => Int32Array {
  // An even number is drawn, whatever else changes: other draws would be other candidates, and other datasets.
  const drawn = (bands * rows + 1) & ~1;
  const blocks = Math.ceil(drawn / LANES);
  const block = 3 * LANES;
  const start = blocks * block;
  const { memory, minima } = createMinimaKernel(start + TURN);
  /** Where the integers of a permutation are: its factor, its offset and its least value, each `LANES` after the last. */
  const placeOf = (p: number): number => Math.floor(p / LANES) * block + (p % LANES);
  for (let p = 0; p < drawn; p++) memory[placeOf(p)] = (random.integer(0, 0x7fffffff) << 1) | 1;
  for (let p = 0; p < drawn; p++) memory[placeOf(p) + LANES] = random.integer(0, 0xffffffff);
  const least = Int32Array.from({ length: bands * rows }, (_, p) => placeOf(p) + 2 * LANES);
  return (shingles) => {
    for (let b = 0; b < blocks; b++)
      memory.fill(0x7fffffff, b * block + 2 * LANES, (b + 1) * block);
    for (let from = 0; from < shingles.length; from += TURN) {
      const some = shingles.subarray(from, from + TURN);
      memory.set(some, start);
      for (let b = 0; b < blocks; b++) minima(4 * b * block, 4 * start, 4 * (start + some.length));
    }
    const keys = new Int32Array(bands);
    for (let band = 0; band < bands; band++) {
      let key = band;
      for (let row = 0; row < rows; row++)
        key = Math.imul(key, 0x01000193) ^ mix(memory[least[band * rows + row]!]!);
      keys[band] = mix(key);
    }
    return keys;
  };
}
