/** Shingle sets that are made again rather than all kept: those of a million texts are a gigabyte. */
import { shinglesOf } from "./minhash.ts";

/** Integers that are held before the cache is emptied. */
const LIMIT = 1 << 24;

export interface ShingleCache {
  /** Of the text with this number; sorted, without repetitions. */
  of(index: number): Int32Array;
}

export function createShingleCache(textOf: (index: number) => string, n: number): ShingleCache {
  const sets = new Map<number, Int32Array>();
  let held = 0;
  return {
    of(index) {
      const known = sets.get(index);
      if (known) return known;
      const made = shinglesOf(textOf(index), n);
      if (held + made.length > LIMIT) {
        sets.clear();
        held = 0;
      }
      sets.set(index, made);
      held += made.length;
      return made;
    },
  };
}
