/** Texts as token ids that a model of limited length can read: a long one in windows that overlap. */
import { Tokenizer } from "@huggingface/tokenizers";
import { TwainError } from "../core/errors.ts";
import type { OnnxFolder } from "./onnx-folder.ts";

/** Longer windows are never made, whatever the model could read: attention's memory grows with their square. */
const MOST = 512;
/** What two neighbours have in common, as a share of a window: a phrase that one cuts is whole in the other. */
const OVERLAP = 0.25;
/** Families that count positions from behind the padding's number (`padding_idx + 1` in their embedding). */
const OFFSET = /roberta|camembert|mpnet|longformer|xlm-r/;

/** Tokens, special ones included, that the model reads at once. */
function lengthOf({ config, tokenizerConfig, sentenceLength }: OnnxFolder): number {
  const offset = OFFSET.test(config.model_type) ? (config.pad_token_id ?? 1) + 1 : 0;
  return Math.min(
    MOST,
    (config.max_position_embeddings ?? MOST + offset) - offset,
    tokenizerConfig.model_max_length ?? MOST,
    sentenceLength ?? MOST,
  );
}

/** Begin and end of windows of `size` over `count` items, evenly spread, neighbours sharing `OVERLAP` or more. */
export function windowsOver(count: number, size: number): [from: number, to: number][] {
  if (count <= size) return count === 0 ? [] : [[0, count]];
  const step = Math.max(1, Math.floor(size * (1 - OVERLAP)));
  const windows = Math.ceil((count - size) / step) + 1;
  return Array.from({ length: windows }, (_, i) => {
    const from = Math.round((i * (count - size)) / (windows - 1));
    return [from, from + size];
  });
}

/**
 * The windows of a text as token ids, each between the special tokens that the tokenizer puts around a text; none where
 * the text has no token. Throws `curate/model-broken` where the tokenizer cannot be built or cannot spell a text.
 */
export function createTokenWindows(folder: OnnxFolder): (text: string) => number[][] {
  const broken = (problem: string, cause?: unknown): TwainError =>
    new TwainError("curate/model-broken", `${folder.folder}/tokenizer.json: ${problem}`, {
      hint: "It must be the file that Hugging Face's tokenizers library writes, of the same model.",
      cause,
    });
  let tokenizer: Tokenizer;
  const encode = (text: string, special: boolean): number[] => {
    const ids: (number | undefined)[] = tokenizer.encode(text, { add_special_tokens: special }).ids;
    if (ids.includes(undefined))
      throw broken(`the vocabulary cannot spell ${JSON.stringify(text.slice(0, 80))}`);
    return ids as number[];
  };
  let before: number[];
  let after: number[];
  try {
    tokenizer = new Tokenizer(folder.tokenizer, folder.tokenizerConfig);
    const bare = encode("a", false);
    const whole = encode("a", true);
    const at = whole.findIndex((_, i) => bare.every((id, k) => whole[i + k] === id));
    if (bare.length === 0 || at < 0) throw broken("special tokens do not stand around a text");
    before = whole.slice(0, at);
    after = whole.slice(at + bare.length);
  } catch (cause) {
    throw cause instanceof TwainError ? cause : broken("no tokenizer can be made of it", cause);
  }
  const size = lengthOf(folder) - before.length - after.length;
  if (size < 1)
    throw broken(`the model reads ${lengthOf(folder)} tokens, and none is left for text`);
  return (text) => {
    const ids = encode(text, false);
    return windowsOver(ids.length, size).map(([from, to]) => [
      ...before,
      ...ids.slice(from, to),
      ...after,
    ]);
  };
}
