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

/** What steps that are run together said of some documents, in the order in which they said it, and what they all kept. */
export interface Judged {
  notes: { step: string; judgement: Judgement }[];
  kept: Document[];
}

/** Steps that are run together, elsewhere than in this thread. */
export interface StepGroup {
  names: readonly string[];
  judge(documents: AsyncIterable<Document>): AsyncGenerator<Judged>;
}

type Note = (step: string, judgement: Judgement) => Promise<void> | undefined;

async function* throughStep(
  step: Step,
  documents: AsyncIterable<Document>,
  note: Note,
): AsyncGenerator<Document> {
  for await (const judgement of step.run(documents)) {
    await note(step.name, judgement);
    if (judgement.type === "keep") yield judgement.document;
    else if (judgement.type === "chunks") yield* judgement.chunks;
  }
}

async function* throughGroup(
  group: StepGroup,
  documents: AsyncIterable<Document>,
  note: Note,
): AsyncGenerator<Document> {
  for await (const { notes, kept } of group.judge(documents)) {
    for (const { step, judgement } of notes) await note(step, judgement);
    yield* kept;
  }
}

/** The documents that every step kept, in the order in which the last step gave them; `note` hears each judgement. */
export function runSteps(
  steps: readonly (Step | StepGroup)[],
  documents: AsyncIterable<Document>,
  note: Note,
): AsyncIterable<Document> {
  let stream = documents;
  for (const step of steps)
    stream = "judge" in step ? throughGroup(step, stream, note) : throughStep(step, stream, note);
  return stream;
}

/** Names of the steps, those of groups among them, for the ledger. */
export const stepNames = (steps: readonly (Step | StepGroup)[]): string[] =>
  steps.flatMap((step) => ("judge" in step ? step.names : step.name));

async function* claimed(
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncGenerator<Document> {
  for await (const document of documents) {
    const id = ledger.claim(document.id);
    yield id === document.id ? document : { ...document, id };
  }
}

/** `runSteps` with every judgement in the ledger, where each document has an id of its own. */
export const runPipeline = (
  steps: readonly (Step | StepGroup)[],
  documents: AsyncIterable<Document>,
  ledger: Ledger,
): AsyncIterable<Document> =>
  runSteps(steps, claimed(documents, ledger), (step, judgement) => ledger.note(step, judgement));
