/** Text as a sparse vector for the style classifier: hashed character 2- to 5-grams, names masked. */

/** Ascending feature numbers below `featureCount`, and their weights; unit length. */
export interface Features {
  ids: Uint32Array;
  weights: Float32Array;
}

export const featureCount = 1 << 17;

/**
 * A function that hides names and numbers, which tell books apart but not voices: a capitalised word
 * that `texts` never write in lower case becomes "N", a digit "0".
 */
export function createMask(texts: readonly string[]): (text: string) => string {
  const ordinary = new Set<string>(["i"]);
  for (const text of texts)
    for (const [word] of text.matchAll(/(?<!\p{L})\p{Ll}[\p{L}]*/gu)) ordinary.add(word);
  return (text) =>
    text
      .replace(/\p{N}/gu, "0")
      .replace(/(?<!\p{L})\p{Lu}\p{L}*/gu, (word) =>
        ordinary.has(word.toLowerCase()) ? word : "N",
      );
}

/** Counts of hashed n-grams, damped: 1 + log(count). White space is one blank. */
export function countGrams(text: string): Map<number, number> {
  const line = ` ${text.replace(/\s+/g, " ").trim()} `;
  const counts = new Map<number, number>();
  for (let start = 0; start < line.length; start++) {
    // FNV-1a, extended character by character through lengths 1 to 5.
    let hash = 0x811c9dc5;
    for (let length = 1; length <= 5 && start + length <= line.length; length++) {
      hash = Math.imul(hash ^ line.charCodeAt(start + length - 1), 0x01000193) >>> 0;
      // The low bits of FNV mix worst: fold the high ones in.
      if (length >= 2) {
        const id = ((hash ^ (hash >>> 15)) >>> 0) % featureCount;
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
  }
  for (const [id, count] of counts) counts.set(id, 1 + Math.log(count));
  return counts;
}

/** Rarer n-grams weigh more: ln((1 + n) / (1 + documents)) + 1. */
export function inverseFrequency(documents: readonly ReadonlyMap<number, number>[]): Float32Array {
  const seen = new Float32Array(featureCount);
  for (const document of documents) for (const id of document.keys()) seen[id]! += 1;
  return seen.map((count) => Math.log((1 + documents.length) / (1 + count)) + 1);
}

export function toFeatures(counts: ReadonlyMap<number, number>, rarity: Float32Array): Features {
  const ids = Uint32Array.from(counts.keys()).sort();
  const weights = Float32Array.from(ids, (id) => counts.get(id)! * rarity[id]!);
  const length = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0)) || 1;
  return { ids, weights: weights.map((weight) => weight / length) };
}
