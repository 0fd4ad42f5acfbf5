/** Which of two copies stays: the better text, then the longer, then the earlier source, then the smaller id. */
import type { Document } from "../../core/document.ts";
import { qualityScore } from "./quality.ts";
import { countWords } from "./sentences.ts";

const byId = new Intl.Collator("en", { numeric: true });

/** Ids in an order that does not depend on the machine: numbers inside them by value. */
export function compareIds(a: string, b: string): number {
  return byId.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** Indices of the documents, the one that wins over the most first; independent of their order. */
export function bySurvival(
  documents: readonly Document[],
  sourceOrder: readonly string[],
): number[] {
  const rank = new Map(sourceOrder.map((source, i) => [source, i]));
  const keys = documents.map(({ text, source }) => ({
    quality: qualityScore(text),
    words: countWords(text),
    source: rank.get(source) ?? sourceOrder.length,
  }));
  return documents
    .map((_, i) => i)
    .toSorted(
      (a, b) =>
        keys[b]!.quality - keys[a]!.quality ||
        keys[b]!.words - keys[a]!.words ||
        keys[a]!.source - keys[b]!.source ||
        compareIds(documents[a]!.id, documents[b]!.id),
    );
}
