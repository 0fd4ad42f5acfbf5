/**
 * Trains a byte-level BPE and writes it down as Hugging Face files: frequent words are one token each,
 * everything else is spelled in pairs of letters and single bytes. Merges go no further than pairs. A
 * model of a million parameters copies a name well if all names are spelled with the same few symbols,
 * each of which it meets all the time, and badly if each is cut into its own rare syllables. Single
 * letters, though, repeat within a name, and a copy slips from one place to the other: two pairs tell
 * nearly every place of a row from every other.
 */
import { TwainError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { byteCharacters, byteToken } from "./byte-alphabet.ts";
import { pieceRegex, pieces } from "./pre-tokenize.ts";

/** The contents of `tokenizer.json` and `tokenizer_config.json`. */
export interface TokenizerFiles {
  tokenizer: JsonObject;
  config: JsonObject;
}

export interface TrainVocabularyOptions {
  /** At most; fewer where the texts have no further word that occurs twice. */
  vocabSize: number;
  /** Take the first ids; never produced by decoding with `skipSpecial`. */
  specialTokens: readonly string[];
  /** Single tokens that are ordinary text to a reader, such as `<tool_call>`. */
  markupTokens?: readonly string[];
  /**
   * A capitalised word is no name where its lower-case form occurs this often: `The` becomes one
   * token, `Hannibal` stays spelled, as unseen names will be.
   */
  nameLimit?: number;
  /** Words of a closed class (days, months, numbers): tokens whatever their count. */
  wholeWords?: readonly string[];
  /** At most so many merges, of two letters each; they take no more than a quarter of the room. */
  letterPairs?: number;
  /** Merged into tokenizer_config.json. */
  config?: JsonObject;
  signal?: AbortSignal;
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

/** Capitalised and hardly ever seen otherwise. */
function nameTest(
  counts: ReadonlyMap<string, number>,
  nameLimit: number,
): (piece: string) => boolean {
  return (piece) => {
    if (!/^[\p{Lu}\p{Lt}]/u.test(piece)) return false;
    const lower = piece.toLowerCase();
    return (counts.get(lower) ?? 0) + (counts.get(` ${lower}`) ?? 0) < nameLimit;
  };
}

const byCount = (counts: Iterable<[string, number]>): string[] =>
  [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([text]) => text);

/** The commonest pairs of ASCII letters in capitalised words, which are what must be spelled. */
function rankPairs(counts: ReadonlyMap<string, number>): string[] {
  const pairs = new Map<string, number>();
  for (const [piece, count] of counts) {
    if (!/^[A-Z]/.test(piece)) continue;
    for (let i = 1; i < piece.length; i++) {
      const pair = piece.slice(i - 1, i + 1);
      if (/^[A-Za-z]{2}$/.test(pair)) pairs.set(pair, (pairs.get(pair) ?? 0) + count);
    }
  }
  return byCount(pairs);
}

function tokenizerJson(
  added: { content: string; special: boolean }[],
  vocab: ReadonlyMap<string, number>,
  pairs: readonly string[],
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
      ignore_merges: true,
      vocab: Object.fromEntries(vocab),
      merges: pairs.map((pair) => `${pair[0]} ${pair[1]}`),
    },
  };
}

/**
 * The ids are: special tokens, markup tokens, the 256 bytes, pairs of letters, words. The same texts in
 * the same order give the same files. Throws `tokenizer/vocab-too-small`.
 */
export async function trainVocabulary(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainVocabularyOptions,
): Promise<TokenizerFiles> {
  const { vocabSize, specialTokens, markupTokens = [], nameLimit = 10, wholeWords = [] } = options;
  const added = [
    ...specialTokens.map((content) => ({ content, special: true })),
    ...markupTokens.map((content) => ({ content, special: false })),
  ];
  const least = added.length + 256;
  if (vocabSize < least) {
    throw new TwainError(
      "tokenizer/vocab-too-small",
      `a vocabulary of ${vocabSize} does not hold ${added.length} special tokens and the 256 bytes`,
      { hint: `Set base.vocabSize to ${least} or more; 3072 suits a very small model.` },
    );
  }
  const counts = await countPieces(texts, options.signal);
  const room = Math.min(options.letterPairs ?? 0, Math.floor((vocabSize - least) / 4));
  const pairs = rankPairs(counts).slice(0, room);
  const isName = nameTest(counts, nameLimit);
  const frequent = byCount([...counts].filter(([piece, n]) => n > 1 && !isName(piece)));

  const vocab = new Map<string, number>();
  const add = (token: string): void => {
    if (vocab.size < vocabSize && !vocab.has(token)) vocab.set(token, vocab.size);
  };
  for (const { content } of added) add(content);
  for (const token of [...byteCharacters, ...pairs]) add(token);
  for (const piece of [...wholeWords, ...frequent]) add(byteToken(piece));
  return {
    tokenizer: tokenizerJson(added, vocab, pairs),
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      add_bos_token: false,
      ...options.config,
    },
  };
}
