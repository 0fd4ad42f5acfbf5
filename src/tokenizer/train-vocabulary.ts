/**
 * Trains a byte-level tokenizer and writes it down as Hugging Face files: frequent words are one token
 * each, everything else is spelled byte by byte. In the file it is a BPE that ignores merges and has
 * none. A model of a million parameters copies a name well if all names are spelled with the same few
 * letters, and badly if each is cut into its own rare syllables, as merges would.
 */
import { TwainError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { byteCharacters } from "./byte-alphabet.ts";
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
  /** Capitalised words of a closed class (days, months): tokens whatever their count. */
  wholeWords?: readonly string[];
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

/** Pieces that become tokens, the most frequent first; ties in the order of code units. */
function rank(
  counts: ReadonlyMap<string, number>,
  nameLimit: number,
  wholeWords: readonly string[],
): string[] {
  const isName = (piece: string): boolean => {
    if (!/^[\p{Lu}\p{Lt}]/u.test(piece)) return false;
    const lower = piece.toLowerCase();
    return (counts.get(lower) ?? 0) + (counts.get(` ${lower}`) ?? 0) < nameLimit;
  };
  const frequent = [...counts]
    .filter(([piece, count]) => count > 1 && !isName(piece))
    .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([piece]) => piece);
  return [...wholeWords, ...frequent];
}

function tokenizerJson(
  added: { content: string; special: boolean }[],
  vocab: ReadonlyMap<string, number>,
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
      merges: [],
    },
  };
}

/**
 * The ids are: special tokens, markup tokens, the 256 bytes, words. The same texts in the same order
 * give the same files. Throws `tokenizer/vocab-too-small`.
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
  const vocab = new Map<string, number>();
  const add = (token: string): void => {
    if (!vocab.has(token)) vocab.set(token, vocab.size);
  };
  for (const { content } of added) add(content);
  for (const character of byteCharacters) add(character);
  const encoder = new TextEncoder();
  for (const piece of rank(await countPieces(texts, options.signal), nameLimit, wholeWords)) {
    if (vocab.size === vocabSize) break;
    add(Array.from(encoder.encode(piece), (byte) => byteCharacters[byte]).join(""));
  }
  return {
    tokenizer: tokenizerJson(added, vocab),
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      clean_up_tokenization_spaces: false,
      add_bos_token: false,
      ...options.config,
    },
  };
}
