/** Trains a byte-level BPE tokenizer and writes it down as Hugging Face files. */
import { TwainError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { byteCharacters } from "./byte-alphabet.ts";
import { pieceRegex, pieces } from "./pre-tokenize.ts";

/** The contents of `tokenizer.json` and `tokenizer_config.json`. */
export interface TokenizerFiles {
  tokenizer: JsonObject;
  config: JsonObject;
}

export interface TrainBpeOptions {
  /** At most; fewer where the texts have no pair left that occurs twice. */
  vocabSize: number;
  /** Take the first ids; never produced by decoding with `skipSpecial`. */
  specialTokens: readonly string[];
  /** Single tokens that are ordinary text to a reader, such as `<tool_call>`. */
  markupTokens?: readonly string[];
  /**
   * A capitalised piece counts only as often as its lower-case form does; where that is below this
   * many, it counts twice at most: `The` becomes one token, `Hannibal` stays spelled in syllables, as
   * unseen names will be.
   */
  nameLimit?: number;
  /** Capitalised words of a closed class (days, months), which count in full all the same. */
  wholeWords?: readonly string[];
  /** Merged into tokenizer_config.json. */
  config?: JsonObject;
  signal?: AbortSignal;
}

/** A piece of text as token ids, and how much it weighs. */
interface Word {
  ids: number[];
  weight: number;
}

async function countPieces(
  texts: AsyncIterable<string> | Iterable<string>,
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const text of texts) {
    signal?.throwIfAborted();
    for (const piece of pieces(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return counts;
}

/** What a rare name counts: too little to become a token, enough for the syllables that many names share. */
const NAME_WEIGHT = 2;

/** How often a piece counts for merges; see `nameLimit`. */
function weigh(
  counts: ReadonlyMap<string, number>,
  nameLimit: number,
  wholeWords: ReadonlySet<string>,
): Map<string, number> {
  const weights = new Map<string, number>();
  for (const [piece, count] of counts) {
    let weight = count;
    if (/^[\p{Lu}\p{Lt}]/u.test(piece) && !wholeWords.has(piece)) {
      const lower = piece.toLowerCase();
      const ordinary = (counts.get(lower) ?? 0) + (counts.get(` ${lower}`) ?? 0);
      weight = ordinary < nameLimit ? Math.min(count, NAME_WEIGHT) : Math.min(count, ordinary);
    }
    if (weight > 0) weights.set(piece, weight);
  }
  return weights;
}

/** Two token ids as one number; ids stay far below 2^21. */
const pairKey = (left: number, right: number): number => left * 0x200000 + right;

/** Binary max-heap of (count, pair); on equal counts the smaller pair, so that training is deterministic. */
class PairHeap {
  #counts: number[] = [];
  #keys: number[] = [];

  #before(a: number, b: number): boolean {
    const difference = this.#counts[a]! - this.#counts[b]!;
    return difference > 0 || (difference === 0 && this.#keys[a]! < this.#keys[b]!);
  }

  #swap(a: number, b: number): void {
    [this.#counts[a], this.#counts[b]] = [this.#counts[b]!, this.#counts[a]!];
    [this.#keys[a], this.#keys[b]] = [this.#keys[b]!, this.#keys[a]!];
  }

  push(count: number, key: number): void {
    let at = this.#counts.push(count) - 1;
    this.#keys.push(key);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): { count: number; key: number } | undefined {
    const count = this.#counts[0];
    if (count === undefined) return undefined;
    const key = this.#keys[0]!;
    const last = this.#counts.length - 1;
    this.#swap(0, last);
    this.#counts.pop();
    this.#keys.pop();
    for (let at = 0; ;) {
      let best = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < last && this.#before(child, best)) best = child;
      }
      if (best === at) return { count, key };
      this.#swap(at, best);
      at = best;
    }
  }
}

/** Pair counts over all words, kept up to date while words are rewritten. */
class PairCounts {
  readonly #words: Word[];
  readonly #counts = new Map<number, number>();
  /** Words that have, or once had, a pair. */
  readonly #where = new Map<number, number[]>();
  readonly #heap = new PairHeap();

  constructor(words: Word[]) {
    this.#words = words;
    const changed = new Set<number>();
    words.forEach((_, index) => this.#add(index, changed));
    this.#publish(changed);
  }

  #add(index: number, changed: Set<number>): void {
    const { ids, weight } = this.#words[index]!;
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = pairKey(ids[i]!, ids[i + 1]!);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + weight);
      const where = this.#where.get(key);
      if (!where) this.#where.set(key, [index]);
      else if (where.at(-1) !== index) where.push(index);
      changed.add(key);
    }
  }

  #remove(index: number, changed: Set<number>): void {
    const { ids, weight } = this.#words[index]!;
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = pairKey(ids[i]!, ids[i + 1]!);
      this.#counts.set(key, this.#counts.get(key)! - weight);
      changed.add(key);
    }
  }

  /** Each change pushes a fresh entry; entries with an old count are skipped when they surface. */
  #publish(changed: ReadonlySet<number>): void {
    for (const key of changed) {
      const count = this.#counts.get(key)!;
      if (count > 1) this.#heap.push(count, key);
      else if (count === 0) {
        this.#counts.delete(key);
        this.#where.delete(key);
      }
    }
  }

  /** The pair that occurs most, at least twice. */
  best(): { left: number; right: number } | undefined {
    for (;;) {
      const top = this.#heap.pop();
      if (!top) return undefined;
      if (this.#counts.get(top.key) === top.count) {
        return { left: Math.floor(top.key / 0x200000), right: top.key % 0x200000 };
      }
    }
  }

  merge(left: number, right: number, merged: number): void {
    const changed = new Set<number>();
    for (const index of this.#where.get(pairKey(left, right)) ?? []) {
      const word = this.#words[index]!;
      const ids: number[] = [];
      for (let i = 0; i < word.ids.length; i++) {
        if (word.ids[i] === left && word.ids[i + 1] === right) {
          ids.push(merged);
          i++;
        } else ids.push(word.ids[i]!);
      }
      if (ids.length === word.ids.length) continue;
      this.#remove(index, changed);
      word.ids = ids;
      this.#add(index, changed);
    }
    this.#publish(changed);
  }
}

function tokenizerJson(
  added: { content: string; special: boolean }[],
  vocab: ReadonlyMap<string, number>,
  merges: string[],
): JsonObject {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: added.map(({ content, special }, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special,
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: pieceRegex }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges,
    },
  };
}

/**
 * Trains a byte-level BPE. The ids are: special tokens, markup tokens, the 256 bytes, merges.
 * The same texts in the same order give the same files. Throws `tokenizer/vocab-too-small`.
 */
export async function trainBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainBpeOptions,
): Promise<TokenizerFiles> {
  const {
    vocabSize,
    specialTokens,
    markupTokens = [],
    nameLimit = 10,
    wholeWords = [],
    signal,
  } = options;
  const added = [
    ...specialTokens.map((content) => ({ content, special: true })),
    ...markupTokens.map((content) => ({ content, special: false })),
  ];
  const least = added.length + 256;
  if (vocabSize < least) {
    throw new TwainError(
      "tokenizer/vocab-too-small",
      `a vocabulary of ${vocabSize} does not hold ${added.length} special tokens and the 256 bytes`,
      { hint: `Set base.vocabSize to ${least} or more; 2048 suits a very small model.` },
    );
  }
  const vocab = new Map<string, number>();
  const strings: string[] = [];
  const idOf = (token: string): number => {
    const known = vocab.get(token);
    if (known !== undefined) return known;
    vocab.set(token, strings.length);
    return strings.push(token) - 1;
  };
  for (const { content } of added) idOf(content);
  for (const character of byteCharacters) idOf(character);

  const encoder = new TextEncoder();
  const words: Word[] = [];
  for (const [piece, weight] of weigh(
    await countPieces(texts, signal),
    nameLimit,
    new Set(wholeWords),
  )) {
    words.push({ ids: Array.from(encoder.encode(piece), (byte) => added.length + byte), weight });
  }
  const counts = new PairCounts(words);
  const merges: string[] = [];
  while (strings.length < vocabSize) {
    if (merges.length % 64 === 0) signal?.throwIfAborted();
    const pair = counts.best();
    if (!pair) break;
    const left = strings[pair.left]!;
    const right = strings[pair.right]!;
    merges.push(`${left} ${right}`);
    counts.merge(pair.left, pair.right, idOf(left + right));
  }
  return {
    tokenizer: tokenizerJson(added, vocab, merges),
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      add_bos_token: false,
      ...options.config,
    },
  };
}
