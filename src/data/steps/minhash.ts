/** Shingles, MinHash signatures and exact Jaccard, on typed arrays. */
import type { Random } from "../../core/random.ts";

/** Murmur3's last mix: every bit of the input reaches every bit of the output. */
const mix = (value: number): number => {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

/**
 * FNV-1a of every word, hashed while the text is read: letters and digits, case folded, apostrophes
 * ignored. No word becomes a string.
 */
export function hashWords(text: string): Uint32Array {
  const hashes = new Uint32Array((text.length >> 1) + 1);
  let count = 0;
  let hash = 0x811c9dc5;
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
      hashes[count++] = hash >>> 0;
      hash = 0x811c9dc5;
      inside = false;
    }
  }
  return hashes.subarray(0, count);
}

/**
 * The set of word n-grams of a text, sorted. A text shorter than `n` words is one shingle as a whole: with
 * none at all, every short text would equal every other.
 */
export function shinglesOf(text: string, n: number): Uint32Array {
  const words = hashWords(text);
  const size = Math.max(1, words.length - n + 1);
  const width = Math.min(n, words.length);
  const shingles = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    let hash = width;
    for (let k = 0; k < width; k++) hash = Math.imul(hash, 0x01000193) ^ mix(words[i + k]! + k);
    shingles[i] = mix(hash);
  }
  shingles.sort();
  let kept = 1;
  for (let i = 1; i < size; i++)
    if (shingles[i] !== shingles[i - 1]) shingles[kept++] = shingles[i]!;
  return shingles.subarray(0, kept);
}

/** Size of the intersection of two sorted sets. */
export function overlap(a: Uint32Array, b: Uint32Array): number {
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
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  const shared = overlap(a, b);
  return shared / (a.length + b.length - shared);
}

/**
 * A function from a set of shingles to one key for each band. Two sets of similarity s share a band with
 * probability 1 - (1 - s^rows)^bands.
 */
export function createBander(
  bands: number,
  rows: number,
  random: Random,
): (shingles: Uint32Array) => Uint32Array {
  const size = bands * rows;
  const multiply = Uint32Array.from(
    { length: size },
    () => (random.integer(0, 0x7fffffff) << 1) | 1,
  );
  const add = Uint32Array.from({ length: size }, () => random.integer(0, 0xffffffff));
  const signature = new Uint32Array(size);
  return (shingles) => {
    signature.fill(0xffffffff);
    for (let s = 0; s < shingles.length; s++) {
      const shingle = shingles[s]!;
      for (let p = 0; p < size; p++) {
        const value = (Math.imul(shingle, multiply[p]!) + add[p]!) >>> 0;
        if (value < signature[p]!) signature[p] = value;
      }
    }
    const keys = new Uint32Array(bands);
    for (let band = 0; band < bands; band++) {
      let key = band;
      for (let row = 0; row < rows; row++)
        key = Math.imul(key, 0x01000193) ^ mix(signature[band * rows + row]!);
      keys[band] = mix(key);
    }
    return keys;
  };
}
