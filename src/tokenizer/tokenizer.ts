/** A tokenizer from Hugging Face files: text to ids and back, exactly, and streamed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Tokenizer as HfTokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { fingerprint } from "../core/hash.ts";
import { byteToken, tokenBytes } from "./byte-alphabet.ts";
import { encodeByPiece } from "./encode-by-piece.ts";
import { pieceRegex } from "./pre-tokenize.ts";
import type { TokenizerFiles } from "./train-vocabulary.ts";

export interface DecodeOptions {
  /** Leaves special tokens out of the text. */
  skipSpecial?: boolean;
}

/** Turns one generated id after another into text, holding back bytes of an unfinished character. */
export interface StreamDecoder {
  push(id: number): string;
  /** What was held back; an unfinished character becomes U+FFFD. */
  end(): string;
}

export interface Tokenizer {
  /** One more than the highest id. */
  readonly vocabSize: number;
  /** Never adds special tokens of its own; special strings in `text` become their ids. */
  encode(text: string): number[];
  /** Inverse of `encode`; ids outside the vocabulary are left out. */
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  createDecoder(options?: DecodeOptions): StreamDecoder;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  readonly specialIds: ReadonlySet<number>;
  /** Every string that is one token wherever it stands in a text, special or not. */
  readonly addedTokens: readonly string[];
  /** Of `tokenizer.json`, independent of its formatting. */
  readonly hash: string;
}

const TokenizerJson = z.looseObject({
  added_tokens: z
    .array(
      z.looseObject({
        id: z.number().int(),
        content: z.string(),
        special: z.boolean().default(false),
      }),
    )
    .default([]),
  normalizer: z.unknown().default(null),
  pre_tokenizer: z.unknown().default(null),
  post_processor: z.unknown().default(null),
  decoder: z.looseObject({ type: z.string() }).nullable().default(null),
  // The library takes any other for something else without a word.
  model: z.looseObject({ type: z.enum(["BPE", "Unigram", "WordPiece"]) }),
});

/** The one pre-tokenizer that `trainVocabulary` writes. */
const OwnPreTokenizer = z.object({
  type: z.literal("Sequence"),
  pretokenizers: z.tuple([
    z.looseObject({
      type: z.literal("Split"),
      pattern: z.object({ Regex: z.literal(pieceRegex) }),
    }),
    z.looseObject({ type: z.literal("ByteLevel") }),
  ]),
});

/** Byte-level decoding, streamed: exact for any text, where the library's works on whole lists only. */
function byteDecoder(bytesOf: (id: number) => Uint8Array | undefined): StreamDecoder {
  // ignoreBOM keeps U+FEFF in the text.
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return {
    push(id) {
      const bytes = bytesOf(id);
      return bytes ? decoder.decode(bytes, { stream: true }) : "";
    },
    end: () => decoder.decode(),
  };
}

/**
 * For other decoders (SentencePiece style) the text of a token depends on its neighbours: decode a
 * sliding window and give out what it adds once it does not end in an unfinished character.
 */
function windowDecoder(decode: (ids: number[]) => string): StreamDecoder {
  let ids: number[] = [];
  let shown = 0;
  const pending = (): string => decode(ids).slice(decode(ids.slice(0, shown)).length);
  return {
    push(id) {
      ids.push(id);
      const text = pending();
      if (text === "" || text.endsWith("\uFFFD")) return "";
      ids = ids.slice(shown);
      shown = ids.length;
      return text;
    },
    end() {
      const text = pending();
      ids = [];
      shown = 0;
      return text;
    },
  };
}

const ASKED_TOO_MUCH =
  "The file is damaged, or it asks for what the library that reads it here (@huggingface/tokenizers) does not have: fetch it again, or choose another base model.";

/** Tried at once: what the library lacks shows when a tokenizer is made, or when it is first used. */
function openLibrary(
  json: z.infer<typeof TokenizerJson>,
  config: TokenizerFiles["config"],
  path: string,
): HfTokenizer {
  try {
    const hf = new HfTokenizer(json, config);
    const ids: (number | undefined)[] = hf.encode("Rain, 7.", { add_special_tokens: false }).ids;
    const known = ids.filter((id) => id !== undefined);
    if (known.length > 0) hf.decode(known);
    return hf;
  } catch (cause) {
    throw new TwainError(
      "tokenizer/invalid",
      `${path}: no tokenizer can be made of it: ${cause instanceof Error ? cause.message : String(cause)}`,
      { hint: ASKED_TOO_MUCH, cause },
    );
  }
}

/** A tokenizer from the contents of its files; `path` names it in errors. Throws `tokenizer/invalid`. */
export function createTokenizer(files: TokenizerFiles, path = "tokenizer.json"): Tokenizer {
  const parsed = TokenizerJson.safeParse(files.tokenizer);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new TwainError(
      "tokenizer/invalid",
      `${path}: ${issue?.path.join(".")}: ${issue?.message}`,
      {
        hint: "The file must be one that Hugging Face's tokenizers library writes, with a model that is read here: fetch it again, or choose another base model.",
      },
    );
  }
  const json = parsed.data;
  const hf = openLibrary(json, files.config, path);
  const specialIds = new Set(
    json.added_tokens.filter((token) => token.special).map((token) => token.id),
  );
  const addedContents = new Map(json.added_tokens.map((token) => [token.id, token.content]));

  const encoder = new TextEncoder();
  const table = new Map<number, Uint8Array | undefined>();
  const bytesOf = (id: number): Uint8Array | undefined => {
    if (table.has(id)) return table.get(id);
    const added = addedContents.get(id);
    const token = hf.id_to_token(id);
    const bytes =
      added !== undefined
        ? encoder.encode(added)
        : token === undefined
          ? undefined
          : tokenBytes(token);
    table.set(id, bytes);
    return bytes;
  };
  const byteLevel = json.decoder?.type === "ByteLevel";
  const wholeDecode = (ids: number[], skipSpecial: boolean): string =>
    ids.length === 0
      ? ""
      : hf.decode(ids, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false });

  const encodeWhole = (text: string): number[] => {
    const ids: (number | undefined)[] = hf.encode(text, { add_special_tokens: false }).ids;
    if (ids.includes(undefined)) {
      throw new TwainError(
        "tokenizer/unknown-character",
        `${path}: the vocabulary cannot spell ${JSON.stringify(text.slice(0, 80))}`,
        { hint: "Choose a base model whose tokenizer falls back to bytes." },
      );
    }
    return ids as number[];
  };
  const own = json.normalizer === null && OwnPreTokenizer.safeParse(json.pre_tokenizer).success;
  const wholePiece = (piece: string): number | undefined => hf.token_to_id(byteToken(piece));
  const encode = own
    ? encodeByPiece(encodeWhole, [...addedContents.values()], wholePiece)
    : encodeWhole;

  const createDecoder = ({ skipSpecial = false }: DecodeOptions = {}): StreamDecoder => {
    if (!byteLevel) return windowDecoder((ids) => wholeDecode(ids, skipSpecial));
    return byteDecoder((id) => (skipSpecial && specialIds.has(id) ? undefined : bytesOf(id)));
  };
  return {
    // The library also enters added tokens here.
    vocabSize: hf.model?.vocab.length ?? 0,
    encode,
    decode(ids, options) {
      if (!byteLevel) {
        return wholeDecode(
          [...ids].filter((id) => hf.id_to_token(id) !== undefined),
          options?.skipSpecial ?? false,
        );
      }
      const decoder = createDecoder(options);
      let text = "";
      for (const id of ids) text += decoder.push(id);
      return text + decoder.end();
    },
    createDecoder,
    tokenToId: (token) => hf.token_to_id(token),
    idToToken: (id) => hf.id_to_token(id),
    specialIds,
    addedTokens: json.added_tokens.map((token) => token.content),
    hash: fingerprint(files.tokenizer),
  };
}

const AnyObject = z.record(z.string(), z.json());

async function readObject(path: string): Promise<z.infer<typeof AnyObject>> {
  try {
    return AnyObject.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw new TwainError("tokenizer/unreadable", `cannot read ${path}`, {
      hint: "A model folder needs tokenizer.json and tokenizer_config.json beside its weights.",
      cause,
    });
  }
}

/** `tokenizer_config.json` of a model folder. Throws `tokenizer/unreadable`. */
export const readTokenizerConfig = (folder: string): Promise<TokenizerFiles["config"]> =>
  readObject(join(folder, "tokenizer_config.json"));

/** `tokenizer.json` and `tokenizer_config.json` of a model folder. Throws `tokenizer/unreadable`. */
async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const tokenizer = await readObject(join(folder, "tokenizer.json"));
  return { tokenizer, config: await readTokenizerConfig(folder) };
}

export async function writeTokenizerFiles(folder: string, files: TokenizerFiles): Promise<void> {
  await writeFileAtomic(join(folder, "tokenizer.json"), `${JSON.stringify(files.tokenizer)}\n`);
  await writeFileAtomic(
    join(folder, "tokenizer_config.json"),
    `${JSON.stringify(files.config, null, 2)}\n`,
  );
}

/** The tokenizer of a model folder. Throws `tokenizer/unreadable` and `tokenizer/invalid`, naming the file. */
export const loadTokenizer = async (folder: string): Promise<Tokenizer> =>
  createTokenizer(await readTokenizerFiles(folder), join(folder, "tokenizer.json"));
