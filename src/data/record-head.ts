/** A record of the ledger, joined with the document that its source gave. */
import { WrittenBy } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import type { LedgerLine } from "./ledger.ts";
import { type RunRecords, firstOf } from "./run-records.ts";

export interface Fate {
  id: string;
  /** A record that was cut goes on as its chunks. */
  outcome: "kept" | "dropped" | "cut";
  /** Why it was dropped: `length: too short`. */
  reason?: string;
}

/** What there is to say of a record in a line or two. */
export interface RecordHead extends Fate {
  kind: string;
  source: string;
  licence: string;
  url?: string;
  author?: string;
  title?: string;
  year?: number;
  /** ISO time. */
  fetchedAt?: string;
  /** Of the raw bytes of the collected document. */
  sha256?: string;
  /** Of a text that a language model was asked for; where its answer did not come, only by whom. */
  written?: Partial<WrittenBy>;
}

/** What the last verdict made of a record. */
export function fateOf({ id, chunks, verdicts }: LedgerLine): Fate {
  if (chunks) return { id, outcome: "cut" };
  const last = verdicts.at(-1);
  return last?.verdict === "drop"
    ? { id, outcome: "dropped", reason: `${last.step}: ${last.reason ?? ""}` }
    : { id, outcome: "kept" };
}

/** Who wrote it, where a model did: the document says so itself. */
function writtenBy({ source, extra }: Document): Partial<WrittenBy> | undefined {
  return source === "written" ? WrittenBy.partial().strip().parse(extra) : undefined;
}

/** Other records that a line leads to, one after the other. */
async function follow(
  records: RunRecords,
  line: LedgerLine,
  key: "parent" | "mergedWith",
): Promise<LedgerLine[]> {
  const found: LedgerLine[] = [];
  for (let next = line[key]; next !== undefined; next = found.at(-1)![key]) {
    const id = next;
    const other = await firstOf(records.ledger(), (each) => each.id === id);
    if (!other) break;
    found.push(other);
  }
  return found;
}

/** The document as its source gave it. The second record of one id is `<id>~2` from curation on. */
async function collectedAs(records: RunRecords, id: string): Promise<Document | undefined> {
  const [, original, nth] = /^(.*)~(\d+)$/s.exec(id) ?? [];
  let seen = 0;
  return firstOf(
    records.collected(),
    (document) => document.id === id || (document.id === original && ++seen === Number(nth)),
  );
}

function headOf(line: LedgerLine, origin: Document | undefined): RecordHead {
  const written = origin && writtenBy(origin);
  return {
    ...fateOf(line),
    kind: line.kind,
    source: line.source,
    licence: line.licence,
    ...(origin?.url !== undefined && { url: origin.url }),
    ...(origin?.author !== undefined && { author: origin.author }),
    ...(origin?.title !== undefined && { title: origin.title }),
    ...(origin?.year !== undefined && { year: origin.year }),
    ...(origin?.fetchedAt !== undefined && { fetchedAt: origin.fetchedAt }),
    ...(origin && { sha256: origin.sha256 }),
    ...(written && { written }),
  };
}

export interface ReadRecord {
  head: RecordHead;
  line: LedgerLine;
  /** The collected document; of a chunk, the one that it was cut from. */
  origin: Document | undefined;
  /** What it was cut from, the nearest first. */
  ancestors: LedgerLine[];
  /** What was kept in its place, and in that one's place, and so on. */
  survivors: LedgerLine[];
}

/** Undefined where the ledger does not have it. */
export async function readRecord(records: RunRecords, id: string): Promise<ReadRecord | undefined> {
  const line = await firstOf(records.ledger(), (each) => each.id === id);
  if (!line) return undefined;
  const ancestors = await follow(records, line, "parent");
  const survivors = await follow(records, line, "mergedWith");
  const origin = await collectedAs(records, ancestors.at(-1)?.id ?? id);
  return { head: headOf(line, origin), line, origin, ancestors, survivors };
}
