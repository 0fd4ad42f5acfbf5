/**
 * Curation as a chain of steps over a stream of documents. A step judges; this file records every
 * verdict in the ledger, passes on what was kept, and stops a run in which a source is wiped out.
 */
import { z } from "zod";
import type { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";

export type Numbers = Record<string, number>;

/** What a step says of one document: exactly one judgement for each that it was given. */
export type Judgement =
  | { type: "keep"; document: Document; numbers?: Numbers }
  | { type: "drop"; document: Document; reason: string; numbers?: Numbers; duplicateOf?: string }
  /** The document goes on as these; none is fine where it held no prose. */
  | { type: "chunks"; document: Document; chunks: Document[]; numbers?: Numbers };

export interface Step {
  name: string;
  /** May hold back judgements until its input ends, as deduplication must. */
  run(documents: AsyncIterable<Document>): AsyncGenerator<Judgement>;
}

/** A step that looks at one document at a time. */
export function eachDocument(name: string, judge: (document: Document) => Judgement): Step {
  return {
    name,
    async *run(documents) {
      for await (const document of documents) yield judge(document);
    },
  };
}

export const keep = (document: Document, numbers?: Numbers): Judgement => ({
  type: "keep",
  document,
  ...(numbers && { numbers }),
});
export function drop(
  document: Document,
  reason: string,
  numbers?: Numbers,
  duplicateOf?: string,
): Judgement {
  return {
    type: "drop",
    document,
    reason,
    ...(numbers && { numbers }),
    ...(duplicateOf !== undefined && { duplicateOf }),
  };
}

export const Verdict = z.object({
  step: z.string(),
  verdict: z.enum(["keep", "drop"]),
  reason: z.string().optional(),
  numbers: z.record(z.string(), z.number()).optional(),
});
export type Verdict = z.infer<typeof Verdict>;

/** One line of `ledger.jsonl`: everything that happened to one record. */
export const LedgerLine = z.object({
  id: z.string(),
  source: z.string(),
  licence: z.string(),
  kind: z.string(),
  /** The record that this one was cut from. */
  parent: z.string().optional(),
  verdicts: z.array(Verdict),
  /** Ids of the records that it was cut into. */
  chunks: z.array(z.string()).optional(),
  /** The record that says the same and was kept. */
  mergedWith: z.string().optional(),
  /** Of a dropped record, as the step that dropped it read it: no other file holds it. */
  text: z.string().optional(),
});
export type LedgerLine = z.infer<typeof LedgerLine>;

export interface Ledger {
  enter(document: Document, parent?: string): void;
  note(step: string, judgement: Judgement): void;
  lines(): Iterable<LedgerLine>;
  /** Drops by `step: reason`. */
  dropped(): Record<string, number>;
  /** Kept and dropped by reason, one entry a step, in the order of the steps. */
  tallies(): { step: string; kept: number; dropped: Record<string, number> }[];
}

export const EXACT_DUPLICATE = "exact duplicate";

export function createLedger(): Ledger {
  const lines = new Map<string, LedgerLine>();
  const plainKeep = new Map<string, Verdict>();
  const tallies = new Map<string, { kept: number; dropped: Record<string, number> }>();
  const tally = (step: string): { kept: number; dropped: Record<string, number> } => {
    let found = tallies.get(step);
    if (!found) tallies.set(step, (found = { kept: 0, dropped: {} }));
    return found;
  };
  const line = (id: string): LedgerLine => {
    const found = lines.get(id);
    if (!found) throw new Error(`${id} is not in the ledger`);
    return found;
  };
  const enter = (document: Document, parent?: string): void => {
    if (lines.has(document.id)) throw new Error(`${document.id} enters the ledger twice`);
    const { id, source, licence, kind } = document;
    lines.set(id, {
      id,
      source,
      licence,
      kind,
      ...(parent !== undefined && { parent }),
      verdicts: [],
    });
  };
  return {
    enter,
    note(step, judgement) {
      const entry = line(judgement.document.id);
      const { numbers } = judgement;
      if (judgement.type === "drop") {
        const { reason, duplicateOf } = judgement;
        entry.verdicts.push({ step, verdict: "drop", reason, ...(numbers && { numbers }) });
        if (duplicateOf !== undefined) entry.mergedWith = duplicateOf;
        entry.text = judgement.document.text;
        const { dropped } = tally(step);
        dropped[reason] = (dropped[reason] ?? 0) + 1;
        return;
      }
      if (numbers) entry.verdicts.push({ step, verdict: "keep", numbers });
      else {
        // Most verdicts are this one: they share an object.
        let plain = plainKeep.get(step);
        if (!plain) plainKeep.set(step, (plain = { step, verdict: "keep" }));
        entry.verdicts.push(plain);
      }
      if (judgement.type === "keep") tally(step).kept++;
      else {
        entry.chunks = judgement.chunks.map((chunk) => chunk.id);
        for (const chunk of judgement.chunks) enter(chunk, judgement.document.id);
        tally(step).kept += judgement.chunks.length;
      }
    },
    lines: () => lines.values(),
    dropped() {
      const all: Record<string, number> = {};
      for (const [step, { dropped }] of tallies) {
        for (const [reason, count] of Object.entries(dropped)) all[`${step}: ${reason}`] = count;
      }
      return all;
    },
    tallies: () => [...tallies].map(([step, counts]) => ({ step, ...counts })),
  };
}

async function* through(
  step: Step,
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncGenerator<Document> {
  for await (const judgement of step.run(documents)) {
    ledger.note(step.name, judgement);
    if (judgement.type === "keep") yield judgement.document;
    else if (judgement.type === "chunks") yield* judgement.chunks;
  }
}

async function* entering(
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncGenerator<Document> {
  const seen = new Map<string, number>();
  for await (const document of documents) {
    const times = (seen.get(document.id) ?? 0) + 1;
    seen.set(document.id, times);
    // Two sources may hold one record; both get a line, and deduplication settles it.
    const own = times === 1 ? document : { ...document, id: `${document.id}~${times}` };
    ledger.enter(own);
    yield own;
  }
}

/** The documents that every step kept, in the order in which the last step gave them. */
export function runPipeline(
  steps: readonly Step[],
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncIterable<Document> {
  let stream: AsyncIterable<Document> = entering(documents, ledger);
  for (const step of steps) stream = through(step, stream, ledger);
  return stream;
}

/**
 * Throws `curate/source-wiped` where a source lost more than `maxLoss` of its records. A record that was
 * cut counts as its chunks. Exact duplicates do not count: reposts are no sign of a broken rule.
 */
export function checkLosses(ledger: Ledger, maxLoss: number): void {
  const sources = new Map<
    string,
    { records: number; lost: number; reasons: Map<string, number> }
  >();
  for (const line of ledger.lines()) {
    if (line.chunks) continue;
    const last = line.verdicts.at(-1);
    const lost = last?.verdict === "drop";
    if (lost && last.reason === EXACT_DUPLICATE) continue;
    let counts = sources.get(line.source);
    if (!counts) sources.set(line.source, (counts = { records: 0, lost: 0, reasons: new Map() }));
    counts.records++;
    if (!lost) continue;
    counts.lost++;
    const reason = `${last.step}: ${last.reason}`;
    counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + 1);
  }
  for (const [source, { records, lost, reasons }] of sources) {
    if (lost <= records * maxLoss) continue;
    const biggest = [...reasons].toSorted((a, b) => b[1] - a[1]).slice(0, 3);
    throw new TwainError(
      "curate/source-wiped",
      `${source} lost ${lost} of ${records} records (${Math.round((100 * lost) / records)} %), more than ${Math.round(100 * maxLoss)} %: ${biggest.map(([reason, count]) => `${count} ${reason}`).join(", ")}`,
      {
        hint: "If the losses are right, raise curate.maxLoss; otherwise mend the source or the setting that drops so much.",
      },
    );
  }
}
