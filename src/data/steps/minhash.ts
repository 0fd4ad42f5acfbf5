/**
 * Shingles, MinHash signatures and exact Jaccard, on typed arrays. Hashes are signed 32-bit integers
 * throughout: unsigned ones do not fit V8's small integers, and every step would go through floats.
 */
import type { Random } from "../../core/random.ts";

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

/**
 * A function from shingles (repeated or not, in any order) to one key for each band. Two sets of similarity s share a band with
 * probability 1 - (1 - s^rows)^bands.
 */
export function createBander(
  bands: number,
  rows: number,
  random: Random,
): (shingles: Int32Array) => Int32Array {
  // Four permutations at a time; those too many are in no band. As many are drawn as when it was two at a time.
  const drawn = (bands * rows + 1) & ~1;
  const size = (drawn + 3) & ~3;
  const multiply = new Int32Array(size);
  const add = new Int32Array(size);
  for (let p = 0; p < drawn; p++) multiply[p] = (random.integer(0, 0x7fffffff) << 1) | 1;
  for (let p = 0; p < drawn; p++) add[p] = random.integer(0, 0xffffffff);
  const signature = new Int32Array(size);
  return (shingles) => {
    // The minima stay in registers, and each shingle is loaded a quarter as often.
    for (let p = 0; p < size; p += 4) {
      const [factorA, offsetA] = [multiply[p]!, add[p]!];
      const [factorB, offsetB] = [multiply[p + 1]!, add[p + 1]!];
      const [factorC, offsetC] = [multiply[p + 2]!, add[p + 2]!];
      const [factorD, offsetD] = [multiply[p + 3]!, add[p + 3]!];
      let leastA = 0x7fffffff;
      let leastB = 0x7fffffff;
      let leastC = 0x7fffffff;
      let leastD = 0x7fffffff;
      for (let s = 0; s < shingles.length; s++) {
        const shingle = shingles[s]!;
        const a = (Math.imul(shingle, factorA) + offsetA) | 0;
        const b = (Math.imul(shingle, factorB) + offsetB) | 0;
        const c = (Math.imul(shingle, factorC) + offsetC) | 0;
        const d = (Math.imul(shingle, factorD) + offsetD) | 0;
        if (a < leastA) leastA = a;
        if (b < leastB) leastB = b;
        if (c < leastC) leastC = c;
        if (d < leastD) leastD = d;
      }
      signature[p] = leastA;
      signature[p + 1] = leastB;
      signature[p + 2] = leastC;
      signature[p + 3] = leastD;
    }
    const keys = new Int32Array(bands);
    for (let band = 0; band < bands; band++) {
      let key = band;
      for (let row = 0; row < rows; row++)
        key = Math.imul(key, 0x01000193) ^ mix(signature[band * rows + row]!);
      keys[band] = mix(key);
    }
    return keys;
  };
}
