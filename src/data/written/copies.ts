/** Texts that a model did not write but repeat: of the passage that it was given, or of the collected corpus. */
import type { Document } from "../../core/document.ts";
import { type Step, drop, eachDocument, keep } from "../pipeline.ts";
import { overlap, shinglesOf } from "../steps/minhash.ts";
import { countWords } from "../steps/sentences.ts";

/** Words of a shingle: so many in a row are seldom chance. */
const SOURCE_SHINGLE = 4;
const CORPUS_SHINGLE = 7;
/** Greatest share of a text's shingles that its source, or the corpus, may hold. */
const MOST_OF_SOURCE = 0.35;
const MOST_OF_CORPUS = 0.2;

/** All shingles of the collected texts, sorted, each once. */
function corpusShingles(documents: readonly Document[]): Int32Array {
  // Shorter texts have one shingle for the whole, which matches no part of another.
  const sets = documents
    .filter(({ text }) => countWords(text) >= CORPUS_SHINGLE)
    .map(({ text }) => shinglesOf(text, CORPUS_SHINGLE));
  const all = new Int32Array(sets.reduce((sum, set) => sum + set.length, 0));
  let at = 0;
  for (const set of sets) {
    all.set(set, at);
    at += set.length;
  }
  all.sort();
  let kept = 0;
  for (let i = 0; i < all.length; i++) if (i === 0 || all[i] !== all[i - 1]) all[kept++] = all[i]!;
  return all.subarray(0, kept);
}

function has(sorted: Int32Array, value: number): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === value;
}

const share = (part: number, all: number): number => Math.round((1000 * part) / all) / 1000;

/** `sourceOf` gives what a text was to say otherwise, where there is such a thing. */
export function copiesStep(
  corpus: readonly Document[],
  sourceOf: (document: Document) => string | undefined,
): Step {
  let known: Int32Array | undefined;
  return eachDocument("copies", (document) => {
    const numbers: Record<string, number> = {};
    const source = sourceOf(document);
    if (source !== undefined) {
      const own = shinglesOf(document.text, SOURCE_SHINGLE);
      numbers.source = share(overlap(own, shinglesOf(source, SOURCE_SHINGLE)), own.length);
      if (numbers.source > MOST_OF_SOURCE)
        return drop(document, "near copy of its source", numbers);
    }
    if (countWords(document.text) >= CORPUS_SHINGLE) {
      known ??= corpusShingles(corpus);
      const own = shinglesOf(document.text, CORPUS_SHINGLE);
      numbers.corpus = share(own.filter((value) => has(known!, value)).length, own.length);
      if (numbers.corpus > MOST_OF_CORPUS) return drop(document, "repeats the corpus", numbers);
    }
    return keep(document, numbers);
  });
}
