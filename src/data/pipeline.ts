/**
 * Curation as a chain of steps over a stream of documents. A step judges; what it says goes into the ledger,
 * and what it kept goes on to the next.
 */
import { z } from "zod";
import type { Document } from "../core/document.ts";
import type { Ledger } from "./ledger.ts";

export type Numbers = Record<string, number>;

/** What a step says of one document: exactly one judgement for each that it was given, in their order. */
export type Judgement =
  | { type: "keep"; document: Document; numbers?: Numbers; review?: ReviewNote }
  | {
      type: "drop";
      document: Document;
      reason: string;
      numbers?: Numbers;
      duplicateOf?: string;
      review?: ReviewNote;
    }
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

export const EXACT_DUPLICATE = "exact duplicate";
export const NEAR_DUPLICATE = "near duplicate";
/** In other words; only where the recipe asks for embeddings. */
export const SAME_MEANING = "same meaning";

/** A person's verdict that curation heeded. */
export const ReviewNote = z.object({
  /** Content id of the text as curation made it, before any edit. */
  of: z.string(),
  verdict: z.enum(["accept", "reject", "edit"]),
  voice: z.number().optional(),
  wit: z.number().optional(),
  note: z.string().optional(),
  by: z.string().optional(),
  /** ISO time. */
  at: z.string(),
  /** The text before an edit. */
  before: z.string().optional(),
});
export type ReviewNote = z.infer<typeof ReviewNote>;

/** The step that people are. */
export const REVIEW = "review";

async function* through(
  step: Step,
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncGenerator<Document> {
  for await (const judgement of step.run(documents)) {
    await ledger.note(step.name, judgement);
    if (judgement.type === "keep") yield judgement.document;
    else if (judgement.type === "chunks") yield* judgement.chunks;
  }
}

async function* entering(
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncGenerator<Document> {
  const repeated = new Map<string, number>();
  for await (const document of documents) {
    let own = document;
    if (ledger.has(document.id)) {
      // Two sources may hold one record; both get a line, and deduplication settles it.
      const times = (repeated.get(document.id) ?? 1) + 1;
      repeated.set(document.id, times);
      own = { ...document, id: `${document.id}~${times}` };
    }
    await ledger.enter(own);
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
