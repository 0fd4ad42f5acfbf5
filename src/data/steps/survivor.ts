/** Which of two copies stays: the better text, then the longer, then the earlier source, then the smaller id. */
import type { Document } from "../../core/document.ts";
import { qualityScore } from "./quality.ts";
import { countWords } from "./sentences.ts";

const byId = new Intl.Collator("en", { numeric: true });

/** Ids in an order that does not depend on the machine: numbers inside them by value. */
export function compareIds(a: string, b: string): number {
  return byId.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** Earlier sources of the recipe first; those that it does not name last. */
export function sourceRanks(sourceOrder: readonly string[]): (source: string) => number {
  const ranks = new Map(sourceOrder.map((source, i) => [source, i]));
  return (source) => ranks.get(source) ?? sourceOrder.length;
}

/** What decides between documents, kept for each while the documents themselves wait on disk. */
export interface Survival {
  /** Of the next document, numbered from 0. */
  add(document: Document): void;
  idOf(index: number): string;
  /** The one that stays first; independent of the order in which they came. */
  compare(a: number, b: number): number;
}

export function createSurvival(sourceOrder: readonly string[]): Survival {
  const rankOf = sourceRanks(sourceOrder);
  const quality: number[] = [];
  const words: number[] = [];
  const source: number[] = [];
  const ids: string[] = [];
  return {
    add(document) {
      quality.push(qualityScore(document.text));
      words.push(countWords(document.text));
      source.push(rankOf(document.source));
      ids.push(document.id);
    },
    idOf: (index) => ids[index]!,
    compare: (a, b) =>
      quality[b]! - quality[a]! ||
      words[b]! - words[a]! ||
      source[a]! - source[b]! ||
      compareIds(ids[a]!, ids[b]!),
  };
}
