/** Dataset rows as examples, by domain. */
import { type Conversation, ConversationRow, fromRow } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { readJsonl } from "../core/jsonl.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import { type Example, encodeConversation } from "../tokenizer/example.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { PackedExamples } from "./packed-examples.ts";

/** The rows of a dataset file as conversations. */
export async function* readRows(path: string): AsyncGenerator<Conversation> {
  for await (const row of readJsonl(path, ConversationRow)) yield fromRow(row);
}

export interface EncodedDataset {
  byDomain: Map<string, PackedExamples>;
  rows: number;
  /** Rows left out, by reason: they are never cut. */
  dropped: Record<string, number>;
}

/**
 * Encodes a file; rows longer than `maxTokens` or with no trained token are dropped and counted.
 * Throws `train/empty-dataset` for none left and `train/rows-too-long` when over 30 % do not fit.
 */
export async function encodeDataset(
  path: string,
  tokenizer: Tokenizer,
  template: ChatTemplate,
  maxTokens: number,
  signal: AbortSignal,
): Promise<EncodedDataset> {
  const byDomain = new Map<string, PackedExamples>();
  const dropped: Record<string, number> = {};
  let rows = 0;
  let kept = 0;
  for await (const conversation of readRows(path)) {
    signal.throwIfAborted();
    rows++;
    const example = encodeConversation(conversation, tokenizer, template);
    const reason =
      example.ids.length > maxTokens
        ? "too-long"
        : example.trained.every((flag) => flag === 0)
          ? "nothing-trained"
          : undefined;
    if (reason) {
      dropped[reason] = (dropped[reason] ?? 0) + 1;
      continue;
    }
    const { domain } = conversation.tags;
    const list = byDomain.get(domain) ?? new PackedExamples();
    byDomain.set(domain, list);
    list.push(example);
    kept++;
  }
  if (kept === 0)
    throw new TwainError(
      "train/empty-dataset",
      `${path}: none of ${rows} rows can be trained on (${JSON.stringify(dropped)})`,
      { hint: "Raise train.sequenceLength or look at the dataset with twainbot inspect." },
    );
  const long = dropped["too-long"] ?? 0;
  if (long > rows * 0.3)
    throw new TwainError(
      "train/rows-too-long",
      `${path}: ${long} of ${rows} rows are longer than ${maxTokens} tokens`,
      { hint: "Raise sequenceLength, or lower curate.chunk.maxWords." },
    );
  return { byDomain, rows, dropped };
}

/** A seeded sample of at most `count` examples over all domains. */
export const sampleExamples = (
  dataset: EncodedDataset,
  count: number,
  shuffle: (items: readonly Example[]) => Example[],
): Example[] =>
  shuffle([...dataset.byDomain.values()].flatMap((examples) => [...examples])).slice(0, count);
