/** Token ids with the tokens that are trained: a trainer that reads them trains what this one trains. */
import { z } from "zod";
import type { Conversation } from "../../core/conversation.ts";
import type { ExportFormat } from "./format.ts";

/** What PyTorch's losses pass over. */
const IGNORED = -100;

const tokens = z.array(z.int32()).min(2);

/** Three lists of one length, and no other column: Axolotl takes a set for tokenized by exactly these. */
export const TokenizedRow = z
  .strictObject({
    input_ids: tokens,
    attention_mask: z.array(z.int32().min(1).max(1)),
    /** The id where a token is trained, else -100; not shifted, models of transformers do that themselves. */
    labels: tokens,
  })
  .refine(
    ({ input_ids, attention_mask, labels }) =>
      attention_mask.length === input_ids.length &&
      labels.length === input_ids.length &&
      labels.every((label, i) => label === IGNORED || label === input_ids[i]),
  );
export type TokenizedRow = z.infer<typeof TokenizedRow>;

/** What training makes of a conversation: its ids, and 1 where a token is trained. */
export type Encode = (conversation: Conversation) => { ids: Int32Array; trained: Uint8Array };

/**
 * The rows as the base's own template and tokenizer write them. Like training it leaves out rows that are longer
 * than `maxTokens` and rows in which nothing is trained.
 */
export const trlTokenized = (encode: Encode, maxTokens: number): ExportFormat<TokenizedRow> => ({
  name: "trl-tokenized",
  summary: "TRL and Axolotl, tokenized (input_ids, labels) for the run's base model",
  row: TokenizedRow,
  toRow(conversation) {
    const { ids, trained } = encode(conversation);
    if (ids.length > maxTokens) return { leftOut: `longer than ${maxTokens} tokens` };
    if (!trained.includes(1)) return { leftOut: "nothing is trained" };
    return {
      row: {
        input_ids: [...ids],
        attention_mask: Array.from(ids, () => 1),
        labels: Array.from(ids, (id, i) => (trained[i] === 1 ? id : IGNORED)),
      },
    };
  },
  usage: `The ids are those of the run's base model and of no other; its tokenizer is in \`base/model/\` of the run, or where the
base came from. Prompt, tools and results are in the ids and have the label -100; trained is what the assistant
writes, each turn up to and with its stop token.

TRL takes rows with \`input_ids\` as they are:

    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    rows = load_dataset("json", data_files={"train": "train.jsonl", "valid": "valid.jsonl"})
    SFTTrainer(
        model="<the base model>",
        args=SFTConfig(output_dir="out", max_length=${maxTokens}),
        train_dataset=rows["train"],
        eval_dataset=rows["valid"],
    ).train()

Axolotl, with no \`type\`:

    datasets:
      - path: train.jsonl
        ds_type: json

Left out are the rows that training leaves out too: those longer than \`train.sequenceLength\` (${maxTokens}).`,
});
