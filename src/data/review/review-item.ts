/** A record or a row of a run as a person judges it. */
import type { WireMessage } from "../../core/chat.ts";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { findId } from "../find-id.ts";
import type { LedgerLine } from "../ledger.ts";
import { REVIEW } from "../pipeline.ts";
import { fateOf } from "../record-head.ts";
import { type ReadRow, type RowSplit, firstOf, openRunRecords } from "../run-records.ts";
import { recordKey, rowKey } from "./review.ts";

interface Head {
  id: string;
  /** What a review names it by. */
  of: string;
  /** Samples are drawn from each group alike. */
  group: string;
}
export interface RecordItem extends Head, Pick<Document, "kind" | "source" | "licence" | "text"> {
  type: "record";
  author?: string;
  title?: string;
}
export interface RowItem extends Head {
  type: "row";
  split: RowSplit;
  tags: ReadRow["tags"];
  template?: string;
  messages: WireMessage[];
}
/** What a reviewer turned down: the ledger has its words. */
export interface RejectedItem extends Head {
  type: "rejected";
  was: "record" | "row";
  text: string;
}
export type ReviewItem = RecordItem | RowItem;

export function recordItem(document: Document): RecordItem {
  const { id, kind, source, licence, text, author, title } = document;
  return {
    type: "record",
    id,
    of: recordKey(text),
    group: `${kind}, ${author ?? source}`,
    kind,
    source,
    licence,
    ...(author !== undefined && { author }),
    ...(title !== undefined && { title }),
    text,
  };
}

export function rowItem(split: RowSplit, row: ReadRow): RowItem {
  const { id, messages, tags, meta } = row;
  return {
    type: "row",
    id,
    of: rowKey(messages),
    group: `${tags.domain}, ${tags.persona}, ${tags.source}`,
    split,
    tags,
    ...(meta.template !== undefined && { template: meta.template }),
    messages,
  };
}

function rejectedItem({ id, kind, text, review }: LedgerLine): RejectedItem | undefined {
  if (text === undefined || review === undefined) return undefined;
  const was = kind === "row" ? "row" : "record";
  return { type: "rejected", id, of: review.of, group: REVIEW, was, text };
}

const notReviewable = (id: string, why: string): TwainError =>
  new TwainError("data/not-reviewable", `${id} ${why}`, {
    hint: "twainbot review shows some of what can be judged; twainbot why tells what became of this one.",
  });

/**
 * The record or row with this id, or the only one whose id begins so. Throws `data/not-reviewable` for what is no
 * part of the dataset, and what `findId` throws.
 */
export async function findItem(
  dir: RunDir,
  asked: string,
  signal: AbortSignal,
): Promise<ReviewItem | RejectedItem> {
  const records = await openRunRecords(dir, signal);
  const { type, id } = await findId(records, asked);
  if (type === "case")
    throw notReviewable(id, "is a question of the evaluation, and no part of the dataset");
  if (type === "row") {
    const found = await firstOf(records.rows(), ({ row }) => row.id === id);
    if (!found || found.split.startsWith("base"))
      throw notReviewable(id, "is text for the base model: judge the record that it was made from");
    return rowItem(found.split, found.row);
  }
  const line = await firstOf(records.ledger(), (each) => each.id === id);
  const fate = fateOf(line!);
  if (fate.outcome === "cut") throw notReviewable(id, "was cut into passages: judge those");
  if (fate.outcome === "dropped") {
    const rejected = line!.verdicts.at(-1)!.step === REVIEW ? rejectedItem(line!) : undefined;
    if (!rejected) throw notReviewable(id, `was dropped (${fate.reason})`);
    return rejected;
  }
  const document = await firstOf(records.kept(), (each) => each.id === id);
  if (!document) throw notReviewable(id, "cannot be judged before the curate stage is finished");
  return recordItem(document);
}
