/** Ledger lines of rows: those that were judged one by one, and those that are over the share of their kind. */
import type { Conversation } from "../core/conversation.ts";
import type { LedgerLine, Verdict } from "./ledger.ts";
import { rowText } from "./row-text.ts";

/** What tells of a row in the ledger, whole or as the dataset has it on disk. */
type Row = Pick<Conversation, "id" | "tags" | "meta">;

const lineOf = (row: Row, verdicts: Verdict[]): LedgerLine => ({
  id: row.id,
  source: row.tags.source,
  licence: row.meta.licence,
  kind: "row",
  verdicts,
});

/** Of a row that failed its checks, with its text: no other file holds it. `sameAs` says the same and was kept. */
export const refusedLine = (row: Conversation, reason: string, sameAs?: string): LedgerLine => ({
  ...lineOf(row, [{ step: "verify", verdict: "drop", reason }]),
  ...(sameAs !== undefined && { mergedWith: sameAs }),
  text: rowText(row),
});

const OVER_SHARE: Verdict = { step: "balance", verdict: "drop", reason: "over-its-share" };

/**
 * The lines of rows that were judged, then those of rows that balance left out (`left`, numbers of `rows`), without
 * their texts. A row of both has one line.
 */
export function* rowLines(
  judged: readonly LedgerLine[],
  rows: Iterable<Row>,
  left: readonly number[],
): Generator<LedgerLine> {
  if (left.length === 0) return yield* judged;
  const over = new Set(left);
  const byId = new Map(judged.map((line) => [line.id, line]));
  const dropped: LedgerLine[] = [];
  let at = 0;
  for (const row of rows) {
    if (!over.has(at++)) continue;
    const line = byId.get(row.id);
    byId.delete(row.id);
    dropped.push(
      line ? { ...line, verdicts: [...line.verdicts, OVER_SHARE] } : lineOf(row, [OVER_SHARE]),
    );
  }
  yield* byId.values();
  yield* dropped;
}
