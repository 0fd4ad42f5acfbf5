/**
 * What happened to every record, one line each. While the steps run it lies on disk, an entry for each verdict that
 * says more than "kept": the lines of a million records would be a gigabyte.
 */
import { join } from "node:path";
import { z } from "zod";
import type { Document } from "../core/document.ts";
import { readJsonl, writeJsonl } from "../core/jsonl.ts";
import { type Judgement, ReviewNote } from "./pipeline.ts";
import { type Spool, openSpool } from "./spool.ts";

export const Verdict = z.object({
  step: z.string(),
  verdict: z.enum(["keep", "drop"]),
  reason: z.string().optional(),
  numbers: z.record(z.string(), z.number()).optional(),
  /** Of a row that an evaluation asks: where, and the words that both have. */
  match: z.object({ set: z.string(), item: z.string(), words: z.string() }).optional(),
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
  /** What a person said of it. */
  review: ReviewNote.optional(),
});
export type LedgerLine = z.infer<typeof LedgerLine>;

export interface Ledger {
  /**
   * The id under which a document goes through the steps: its own, or the next of `id~2`, `id~3` … where another has
   * that. Two sources may hold one record; both get a line, and deduplication settles it.
   */
  claim(id: string): string;
  /** What a step says of a document; the first step's word enters it. */
  note(step: string, judgement: Judgement): Promise<void>;
  /** All lines, in the order in which the records entered, a chunk after what it was cut from; once, at the end. */
  lines(): AsyncGenerator<LedgerLine>;
  /** Drops by `step: reason`. */
  dropped(): Record<string, number>;
  /** Kept and dropped by reason, one entry a step, in the order of the steps. */
  tallies(): { step: string; kept: number; dropped: Record<string, number> }[];
  remove(): Promise<void>;
}

interface Entry extends Pick<LedgerLine, "id" | "source" | "licence" | "kind" | "parent"> {
  /** The first step that saw it. */
  from: number;
}

/** What a step said of a record, where that is more than that it stays. */
interface Note extends Pick<LedgerLine, "chunks" | "mergedWith" | "text" | "review"> {
  /** Number of the record. */
  at: number;
  verdict: Verdict;
}

/** A ledger for these steps, in this order; what it has not written yet waits in files in `scratch`. */
export async function openLedger(scratch: string, steps: readonly string[]): Promise<Ledger> {
  /** Of each record, in the order in which they entered; before that, below zero, in the order of the claims. */
  const numbers = new Map<string, number>();
  let claims = 0;
  /** The claim that enters next. */
  let awaited = -1;
  let entered = 0;
  const repeated = new Map<string, number>();
  const places = new Map(steps.map((step, i) => [step, i]));
  const tallies = new Map<string, { kept: number; dropped: Record<string, number> }>();
  const entries = await openSpool<Entry>(join(scratch, ".ledger.spool"));
  const notes: Spool<Note>[] = [];
  /** The record that each step judged last. */
  const last: number[] = steps.map(() => -1);
  for (const step of steps)
    notes.push(await openSpool<Note>(join(scratch, `.ledger.${step}.spool`)));

  const tally = (step: string): { kept: number; dropped: Record<string, number> } => {
    let found = tallies.get(step);
    if (!found) tallies.set(step, (found = { kept: 0, dropped: {} }));
    return found;
  };
  const enter = async (document: Document, from: number, parent?: string): Promise<void> => {
    numbers.set(document.id, entered++);
    const { id, source, licence, kind } = document;
    await entries.append({
      id,
      source,
      licence,
      kind,
      ...(parent !== undefined && { parent }),
      from,
    });
  };
  return {
    claim(id) {
      if (!numbers.has(id)) {
        numbers.set(id, --claims);
        return id;
      }
      const times = (repeated.get(id) ?? 1) + 1;
      repeated.set(id, times);
      const own = `${id}~${times}`;
      numbers.set(own, --claims);
      return own;
    },
    async note(step, judgement) {
      const { document, numbers: measured } = judgement;
      const known = numbers.get(document.id);
      const place = places.get(step);
      if (known === undefined || place === undefined || (known < 0 && place > 0))
        throw new Error(`${document.id} or ${step} is not in the ledger`);
      const outOfTurn = (): Error => new Error(`${step} judged ${document.id} out of turn`);
      if (known < 0) {
        if (known !== awaited--) throw outOfTurn();
        await enter(document, 0);
      }
      const at = numbers.get(document.id)!;
      // The lines are put together by reading all notes side by side.
      if (at <= last[place]!) throw outOfTurn();
      last[place] = at;
      const review = judgement.type === "chunks" ? undefined : judgement.review;
      if (judgement.type === "drop") {
        const { reason, duplicateOf } = judgement;
        await notes[place]!.append({
          at,
          verdict: { step, verdict: "drop", reason, ...(measured && { numbers: measured }) },
          ...(duplicateOf !== undefined && { mergedWith: duplicateOf }),
          text: document.text,
          ...(review && { review }),
        });
        const { dropped } = tally(step);
        dropped[reason] = (dropped[reason] ?? 0) + 1;
        return;
      }
      const cut = judgement.type === "chunks" ? judgement.chunks : undefined;
      if (measured || cut || review) {
        await notes[place]!.append({
          at,
          verdict: { step, verdict: "keep", ...(measured && { numbers: measured }) },
          ...(cut && { chunks: cut.map((chunk) => chunk.id) }),
          ...(review && { review }),
        });
      }
      for (const chunk of cut ?? []) {
        if (numbers.has(chunk.id)) throw new Error(`${chunk.id} enters the ledger twice`);
        await enter(chunk, place + 1, document.id);
      }
      tally(step).kept += cut ? cut.length : 1;
    },
    async *lines() {
      for (const spool of [entries, ...notes]) await spool.finish();
      const heads = notes.map((spool) => {
        const rows = spool[Symbol.iterator]();
        return { rows, next: rows.next() };
      });
      let at = 0;
      for (const { from, ...known } of entries) {
        const line: LedgerLine = { ...known, verdicts: [] };
        for (let place = from; place < steps.length; place++) {
          const head = heads[place]!;
          if (head.next.done || head.next.value.at !== at) {
            line.verdicts.push({ step: steps[place]!, verdict: "keep" });
            continue;
          }
          const { verdict, chunks, mergedWith, text, review } = head.next.value;
          head.next = head.rows.next();
          line.verdicts.push(verdict);
          if (chunks) line.chunks = chunks;
          if (mergedWith !== undefined) line.mergedWith = mergedWith;
          if (text !== undefined) line.text = text;
          if (review) line.review = review;
          if (chunks || verdict.verdict === "drop") break;
        }
        at++;
        yield line;
      }
    },
    dropped() {
      const all: Record<string, number> = {};
      for (const [step, { dropped }] of tallies) {
        for (const [reason, count] of Object.entries(dropped)) all[`${step}: ${reason}`] = count;
      }
      return all;
    },
    tallies: () => [...tallies].map(([step, counts]) => ({ step, ...counts })),
    async remove() {
      for (const spool of [entries, ...notes]) await spool.remove();
    },
  };
}

/** Adds lines to the ledger's file. */
export async function addToLedger(path: string, added: readonly LedgerLine[]): Promise<void> {
  async function* lines(): AsyncGenerator<LedgerLine> {
    yield* readJsonl(path, LedgerLine);
    yield* added;
  }
  if (added.length > 0) await writeJsonl(path, lines());
}
