/** Why a record or a row is what it is, told from what a run left behind. */
import type { RunDir } from "../core/run-dir.ts";
import { findId } from "./find-id.ts";
import type { ReviewNote } from "./pipeline.ts";
import { type RecordHead, readRecord } from "./record-head.ts";
import { type RecordStory, recordStory } from "./record-story.ts";
import {
  type ReadCase,
  type ReadRow,
  type RowSplit,
  type RunRecords,
  firstOf,
  openRunRecords,
} from "./run-records.ts";

export interface RowStory extends Pick<ReadRow, "id" | "messages" | "tags" | "meta"> {
  type: "row";
  split: RowSplit;
  /** The records that `meta.parents` names; only the id of one that the ledger does not have. */
  parents: ({ id: string } & Partial<RecordHead>)[];
  /** What a person said of it. */
  review?: ReviewNote;
}

/** A question of the tool evaluation: made from phrasings and places, so it has no parents. */
export interface CaseStory extends Pick<
  ReadCase,
  "id" | "slice" | "messages" | "expected" | "now"
> {
  type: "case";
  split: "tool-cases";
}

export type Story = RecordStory | RowStory | CaseStory;

/** `findId` has just seen it in the same file. */
function seen<T>(item: T | undefined, id: string): T {
  if (item === undefined) throw new Error(`${id} was there a moment ago`);
  return item;
}

async function rowStory(records: RunRecords, id: string): Promise<RowStory> {
  const { split, row } = seen(await firstOf(records.rows(), (each) => each.row.id === id), id);
  const parents: RowStory["parents"] = [];
  for (const parent of row.meta.parents)
    parents.push((await readRecord(records, parent))?.head ?? { id: parent });
  const { messages, tags, meta } = row;
  const review = (await firstOf(records.ledger(), (line) => line.id === id))?.review;
  return { type: "row", id, split, tags, meta, messages, parents, ...(review && { review }) };
}

async function caseStory(records: RunRecords, id: string): Promise<CaseStory> {
  const { slice, messages, expected, now } = seen(
    await firstOf(records.cases(), (each) => each.id === id),
    id,
  );
  return { type: "case", id, split: "tool-cases", slice, now, messages, expected };
}

/**
 * The story of a record, a dataset row or an evaluation question, by its id or by the beginning of it.
 * Throws `data/no-ledger`, `data/unknown-id` and `data/ambiguous-id`.
 */
export async function why(dir: RunDir, asked: string, signal: AbortSignal): Promise<Story> {
  const records = await openRunRecords(dir, signal);
  const { type, id } = await findId(records, asked);
  switch (type) {
    case "record":
      return recordStory(records, id);
    case "row":
      return rowStory(records, id);
    case "case":
      return caseStory(records, id);
  }
}
