/** The life of one record: where it came from, what every step said of it, and what became of it. */
import type { Verdict } from "./ledger.ts";
import type { ReviewNote } from "./pipeline.ts";
import { type Fate, type RecordHead, fateOf, readRecord } from "./record-head.ts";
import { type ReadRow, type RowSplit, type RunRecords, firstOf } from "./run-records.ts";

/** A dataset row that names the record, or a chunk of it, as its parent. */
export interface RowLine {
  id: string;
  split: RowSplit;
  parent: string;
  domain: string;
  template?: string;
  /** The first words of the user, where there is one, and of the assistant's last reply. */
  asks?: string;
  says: string;
}

export interface RecordStory extends RecordHead {
  type: "record";
  /** As it was kept, or as the step that dropped it read it; what was cut is read in its chunks. */
  text?: string;
  /** What it was cut from, the nearest first. */
  cutFrom: string[];
  verdicts: Verdict[];
  /** What a person said of it. */
  review?: ReviewNote;
  chunks: Fate[];
  /** The record that was kept in its place; where that one went later, the one kept for that, and so on. */
  duplicateOf: Fate[];
  /** Records that went because this one says the same. */
  copies: Fate[];
  /** Absent where the curate stage is not finished. */
  rows?: RowLine[];
}

const WORDS = 12;

function firstWords(text: string): string {
  const words = text.split(/\s+/).filter((word) => word !== "");
  return `${words.slice(0, WORDS).join(" ")}${words.length > WORDS ? " …" : ""}`;
}

function rowLine(split: RowSplit, row: ReadRow, parent: string): RowLine {
  const user = row.messages.find((message) => message.role === "user");
  const reply = row.messages.findLast((message) => message.role === "assistant");
  return {
    id: row.id,
    split,
    parent,
    domain: row.tags.domain,
    ...(row.meta.template !== undefined && { template: row.meta.template }),
    ...(user && { asks: firstWords(user.content) }),
    says: firstWords(reply?.content ?? ""),
  };
}

/** The whole life of a record. Throws a plain error where the ledger does not have it. */
export async function recordStory(records: RunRecords, id: string): Promise<RecordStory> {
  const record = await readRecord(records, id);
  if (!record) throw new Error(`${id} is not in the ledger`);
  const { head, line, origin, ancestors, survivors } = record;
  const family = new Set([id, ...(line.chunks ?? [])]);
  const chunks: Fate[] = [];
  const copies: Fate[] = [];
  for await (const other of records.ledger()) {
    if (other.id !== id && family.has(other.id)) {
      chunks.push(fateOf(other));
      for (const chunk of other.chunks ?? []) family.add(chunk);
    }
    if (other.mergedWith === id) copies.push(fateOf(other));
  }
  const rows: RowLine[] = [];
  for await (const { split, row } of records.rows()) {
    const parent = row.meta.parents.find((each) => family.has(each));
    if (parent !== undefined) rows.push(rowLine(split, row, parent));
  }
  let text = line.text;
  if (head.outcome === "kept")
    text = (await firstOf(records.kept(), (document) => document.id === id))?.text;
  // What was collected is the text of a chunk's book, not of the chunk.
  if (head.outcome !== "cut" && line.parent === undefined) text ??= origin?.text;
  // A row that was kept has no line; one that went later has.
  const twin = line.kind === "row" && survivors.length === 0 ? line.mergedWith : undefined;
  return {
    type: "record",
    ...head,
    ...(text !== undefined && { text }),
    cutFrom: ancestors.map((ancestor) => ancestor.id),
    verdicts: line.verdicts,
    ...(line.review && { review: line.review }),
    chunks,
    duplicateOf: twin === undefined ? survivors.map(fateOf) : [{ id: twin, outcome: "kept" }],
    copies,
    ...(records.complete && { rows }),
  };
}
