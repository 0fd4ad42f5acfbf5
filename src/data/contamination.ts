/**
 * Whether a row for training says what an evaluation asks: the same question, an n-gram of it (Brown et al. 2020,
 * appendix C: 13 words), or nearly all of it in other order.
 */
import { plainForm } from "./steps/exact-dedup.ts";
import { overlap, shinglesOf } from "./steps/minhash.ts";

/** A text of an evaluation, in words that can be looked up. */
export interface EvalText {
  set: string;
  /** Of the case, row or line in its set. */
  item: string;
  text: string;
  /**
   * Whether rows that were made from templates are only held to the whole of it. Of our own cases either the phrasing
   * or the place is kept from training, so the words around the place are no secret.
   */
  wholeForTemplates: boolean;
  /** A request that a template put around a document: one shorter than an n-gram is in many rows of every split. */
  framed?: boolean;
}

export interface Contamination {
  reason: "same text" | "same n-gram" | "near match";
  set: string;
  item: string;
  /** The words that both have; of a near match those of the evaluation. */
  words: string;
  similarity?: number;
}

export interface ContaminationLimits {
  /** Words of an n-gram. */
  ngram: number;
  /** An n-gram in more rows for training than this is a template's or a common phrase, and proves nothing. */
  common: number;
  /** Share of the word 5-grams, of both texts together, that makes a near match. */
  near: number;
}

/** What a row says, by message; `templated` rows were made from no document. */
export interface TrainText {
  texts: readonly string[];
  templated: boolean;
}

/** Shorter texts are greetings and "And tomorrow?": everybody says them. */
const MIN_WORDS = 6;
const SHINGLE = 5;

const wordsOf = (text: string): string[] => plainForm(text).split(" ");

/** A hash of the words from each place on, as many as an n-gram has. */
function gramHashes(words: readonly string[], n: number): Int32Array {
  const own = Int32Array.from(words, (word) => {
    let hash = 0x811c9dc5 | 0;
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    return hash;
  });
  return Int32Array.from({ length: Math.max(0, words.length - n + 1) }, (_, i) => {
    let hash = n;
    for (let k = 0; k < n; k++) hash = Math.imul(hash, 0x01000193) ^ own[i + k]!;
    return hash;
  });
}

interface Gram {
  words: string;
  of: EvalText;
  /** Rows for training that have it. */
  rows: number;
}

export interface ContaminationIndex {
  /** How many texts it holds. */
  readonly size: number;
  add(text: EvalText): void;
  /** To be called with every row before any is judged. */
  count(row: TrainText): void;
  judge(row: TrainText): Contamination | undefined;
}

export function createContaminationIndex(limits: ContaminationLimits): ContaminationIndex {
  const { ngram, common, near } = limits;
  const whole = new Map<string, EvalText>();
  const grams = new Map<number, Gram[]>();
  const shingles = new Map<number, number[]>();
  const sets: { of: EvalText; shingles: Int32Array }[] = [];

  function* gramsIn(text: string): Generator<Gram> {
    const words = wordsOf(text);
    for (const [i, hash] of gramHashes(words, ngram).entries()) {
      const found = grams.get(hash);
      if (!found) continue;
      const own = words.slice(i, i + ngram).join(" ");
      for (const gram of found) if (gram.words === own) yield gram;
    }
  }
  function nearMatch(text: string, templated: boolean): Contamination | undefined {
    const own = shinglesOf(text, SHINGLE);
    const shared = new Map<number, number>();
    for (const shingle of own)
      for (const at of shingles.get(shingle) ?? []) shared.set(at, (shared.get(at) ?? 0) + 1);
    for (const [at, count] of shared) {
      const other = sets[at]!;
      if (count < near * Math.max(own.length, other.shingles.length)) continue;
      if (templated && other.of.wholeForTemplates) continue;
      const both = overlap(own, other.shingles);
      const similarity = both / (own.length + other.shingles.length - both);
      if (similarity < near) continue;
      const { set, item } = other.of;
      return { reason: "near match", set, item, words: plainForm(other.of.text), similarity };
    }
    return undefined;
  }

  return {
    get size() {
      return whole.size;
    },
    add(text) {
      const words = wordsOf(text.text);
      if (words.length < (text.framed ? ngram : MIN_WORDS)) return;
      const plain = words.join(" ");
      if (whole.has(plain)) return;
      whole.set(plain, text);
      for (const [i, hash] of gramHashes(words, ngram).entries()) {
        const own = words.slice(i, i + ngram).join(" ");
        const found = grams.get(hash);
        const gram: Gram = { words: own, of: text, rows: 0 };
        if (!found) grams.set(hash, [gram]);
        // The first text that has an n-gram is named; one that binds more rows comes before one that binds fewer.
        else {
          const same = found.findIndex((each) => each.words === own);
          if (same < 0) found.push(gram);
          else if (found[same]!.of.wholeForTemplates && !text.wholeForTemplates) found[same] = gram;
        }
      }
      if (words.length < ngram) return;
      const set = shinglesOf(plain, SHINGLE);
      for (const shingle of set) {
        const at = shingles.get(shingle);
        if (at) at.push(sets.length);
        else shingles.set(shingle, [sets.length]);
      }
      sets.push({ of: text, shingles: set });
    },
    count({ texts }) {
      const seen = new Set<Gram>();
      for (const text of texts) for (const gram of gramsIn(text)) seen.add(gram);
      for (const gram of seen) gram.rows++;
    },
    judge({ texts, templated }) {
      for (const text of texts) {
        const plain = plainForm(text);
        const same = whole.get(plain);
        if (same) return { reason: "same text", set: same.set, item: same.item, words: plain };
      }
      for (const text of texts) {
        for (const { words, of, rows } of gramsIn(text)) {
          if (rows > common || (templated && of.wholeForTemplates)) continue;
          return { reason: "same n-gram", set: of.set, item: of.item, words };
        }
        const found = nearMatch(plainForm(text), templated);
        if (found) return found;
      }
      return undefined;
    },
  };
}
