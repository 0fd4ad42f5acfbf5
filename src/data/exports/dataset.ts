/** The dataset's own rows: for keeping, for sharing, and as Parquet. */
import { ConversationRow, toRow } from "../../core/conversation.ts";
import type { ExportFormat } from "./format.ts";

export const dataset: ExportFormat<ConversationRow> = {
  name: "dataset",
  summary: "the rows as they are, with tags, licence and lineage",
  row: ConversationRow,
  toRow: (conversation) => ({ row: toRow(conversation) }),
  usage: `Messages and tools as in \`openai\`, arguments as JSON text; \`tags\` says what a row teaches and in whose voice, \`meta\`
where it comes from and under which licence.

    from datasets import load_dataset

    rows = load_dataset("json", data_files={"train": "train.jsonl", "valid": "valid.jsonl", "test": "test.jsonl"})

Parquet keeps the types of all columns in the file, so that no reader has to guess them:

    rows = load_dataset("parquet", data_files={"train": "train.parquet"})
    duckdb -c "SELECT tags.domain, count(*) FROM 'train.parquet' GROUP BY ALL"

\`twainbot data push\` uploads the same rows with a dataset card.`,
};
