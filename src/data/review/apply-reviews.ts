/** What reviews make of a run's records and rows. */
import { toWireMessage } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import type { Document } from "../../core/document.ts";
import type { ReviewMark } from "../../core/review-mark.ts";
import type { LedgerLine } from "../ledger.ts";
import {
  type Numbers,
  type ReviewNote,
  REVIEW,
  type Step,
  drop,
  eachDocument,
  keep,
} from "../pipeline.ts";
import { rowText } from "../row-text.ts";
import { badEdit, lastAnswer, withAnswer } from "./edit.ts";
import { type Review, recordKey, rowKey } from "./review.ts";

const REJECTED = "rejected by a reviewer";
/** The store is a file that anything may write to: the command refuses such an edit. */
const BAD_EDIT = "edited answer is not grounded";

/** A thing and the review that decides over it. */
interface Settled<T> {
  item: T;
  review: Review;
  /** Content id of what was there before all edits; absent where none was edited. */
  was?: string;
}

/**
 * Follows edits, whose new texts may have been reviewed in their turn. Undefined where nobody looked at the text.
 * An edit back to an earlier text ends there.
 */
function settle<T>(
  start: T,
  reviews: ReadonlyMap<string, Review>,
  keyOf: (item: T) => string,
  edited: (item: T, text: string) => T,
  used: Set<string>,
): Settled<T> | undefined {
  let settled: Settled<T> | undefined;
  const first = keyOf(start);
  const seen = new Set<string>();
  for (let item = start, key = first; !seen.has(key); key = keyOf(item)) {
    seen.add(key);
    const review = reviews.get(key);
    if (!review) break;
    used.add(key);
    if (review.text !== undefined) item = edited(item, review.text);
    settled = { item, review, ...(item !== start && { was: first }) };
  }
  return settled;
}

function markOf({ review, was }: Settled<unknown>): ReviewMark | undefined {
  const { voice, wit } = review;
  // A plain "accept" changes nothing, and a changed row would be trained anew.
  if (was === undefined && voice === undefined && wit === undefined) return undefined;
  return {
    verdict: was === undefined ? "accept" : "edit",
    ...(voice !== undefined && { voice }),
    ...(wit !== undefined && { wit }),
    ...(was !== undefined && { was }),
  };
}

function noteOf({ review, was }: Settled<unknown>, before: string): ReviewNote {
  const { of, verdict, voice, wit, note, by, at } = review;
  return {
    of: was ?? of,
    verdict: verdict === "accept" && was !== undefined ? "edit" : verdict,
    ...(voice !== undefined && { voice }),
    ...(wit !== undefined && { wit }),
    ...(note !== undefined && { note }),
    ...(by !== undefined && { by }),
    at,
    ...(was !== undefined && { before }),
  };
}

function scoresOf({ voice, wit }: Review): Numbers | undefined {
  if (voice === undefined && wit === undefined) return undefined;
  return { ...(voice !== undefined && { voice }), ...(wit !== undefined && { wit }) };
}

/** A joke's halves are the text before the edit. */
function editDocument(document: Document, text: string): Document {
  const { setup: _, punchline: __, ...extra } = document.extra;
  return { ...document, text, extra };
}

export interface ReviewedRow {
  /** Undefined where it was rejected. */
  row: Conversation | undefined;
  /** Why it was. */
  reason?: string;
  /** As it was before its answer was edited. */
  before?: Conversation;
  /** For the ledger; absent where nobody looked at the row. */
  line?: LedgerLine;
}

export interface Reviewer {
  /** Comes last, so that a text is judged as it was shown, and its copies went with it. */
  step: Step;
  row(row: Conversation): ReviewedRow;
  /** Content ids of the reviews that something was found for. */
  used: ReadonlySet<string>;
}

export function createReviewer(reviews: ReadonlyMap<string, Review>): Reviewer {
  const used = new Set<string>();
  const keyOfRow = (row: Conversation): string => rowKey(row.messages.map(toWireMessage));
  return {
    used,
    step: eachDocument(REVIEW, (document) => {
      const settled = settle(document, reviews, ({ text }) => recordKey(text), editDocument, used);
      if (!settled) return keep(document);
      const note = noteOf(settled, document.text);
      const scores = scoresOf(settled.review);
      if (settled.review.verdict === "reject")
        return { ...drop(document, REJECTED, scores), review: note };
      const mark = markOf(settled);
      return {
        ...keep({ ...settled.item, ...(mark && { review: mark }) }, scores),
        review: note,
      };
    }),
    row(row) {
      const settled = settle(row, reviews, keyOfRow, withAnswer, used);
      if (!settled) return { row };
      const { review, item } = settled;
      const bad = settled.was === undefined ? undefined : badEdit(item);
      const rejected = review.verdict === "reject" ? REJECTED : bad && BAD_EDIT;
      const numbers = scoresOf(review);
      const line: LedgerLine = {
        id: row.id,
        source: row.tags.source,
        licence: row.meta.licence,
        kind: "row",
        verdicts: [
          {
            step: REVIEW,
            verdict: rejected === undefined ? "keep" : "drop",
            ...(rejected !== undefined && { reason: rejected }),
            ...(numbers && { numbers }),
          },
        ],
        ...(rejected !== undefined && { text: rowText(row) }),
        review: noteOf(settled, lastAnswer(row) ?? ""),
      };
      if (rejected !== undefined) return { row: undefined, reason: rejected, line };
      const mark = markOf(settled);
      return {
        row: mark ? { ...item, meta: { ...item.meta, review: mark } } : item,
        ...(settled.was !== undefined && { before: row }),
        line,
      };
    },
  };
}
