/**
 * Passages that another work holds too, as two editions of one autobiography do. Their chunks are cut at
 * different places, so no two chunks are alike; but one chunk's shingles are all found in the other work.
 * A sample of shingles proposes, the exact share decides.
 */
import type { Document } from "../../core/document.ts";
import { type Step, drop, keep } from "../pipeline.ts";
import { overlap, shinglesOf } from "./minhash.ts";
import { compareIds } from "./survivor.ts";

/** One shingle in this many is indexed; the same ones in every text, as the hash itself is sampled. */
const SAMPLE = 8;
/** A shingle in more chunks than this is a common phrase and proposes nothing. */
const COMMON = 16;

const workOf = (document: Document): string | undefined =>
  typeof document.extra.work === "string" ? document.extra.work : undefined;

function union(sets: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(sets.reduce((sum, set) => sum + set.length, 0));
  let at = 0;
  for (const set of sets) {
    all.set(set, at);
    at += set.length;
  }
  return all.sort();
}

/** For each chunk that goes: the work that holds it, the chunk there that shares most, and the share. */
export function sharedPassages(
  documents: readonly Document[],
  shingle: number,
  threshold: number,
  sourceOrder: readonly string[],
): Map<number, { in: number; share: number }> {
  const rank = new Map(sourceOrder.map((source, i) => [source, i]));
  const sourceRank = (i: number): number => rank.get(documents[i]!.source) ?? sourceOrder.length;
  // Whole works in a fixed order: the earlier source and the smaller id keeps the passage.
  const order = documents
    .flatMap((document, i) => (workOf(document) === undefined ? [] : [i]))
    .toSorted(
      (a, b) =>
        sourceRank(a) - sourceRank(b) ||
        compareIds(workOf(documents[a]!)!, workOf(documents[b]!)!) ||
        compareIds(documents[a]!.id, documents[b]!.id),
    );
  const shingles = new Map<number, Int32Array>();
  const index = new Map<number, number[]>();
  const gone = new Map<number, { in: number; share: number }>();
  for (const i of order) {
    const own = shinglesOf(documents[i]!.text, shingle);
    const work = workOf(documents[i]!)!;
    const sampled = own.filter((value) => value % SAMPLE === 0);
    const candidates = new Map<string, Set<number>>();
    for (const value of sampled) {
      const holders = index.get(value);
      if (!holders || holders.length > COMMON) continue;
      for (const other of holders) {
        const otherWork = workOf(documents[other]!)!;
        if (otherWork === work) continue;
        const found = candidates.get(otherWork);
        if (found) found.add(other);
        else candidates.set(otherWork, new Set([other]));
      }
    }
    for (const others of candidates.values()) {
      const sets = [...others].map((other) => ({ other, set: shingles.get(other)! }));
      const share = overlap(own, union(sets.map(({ set }) => set))) / own.length;
      if (share < threshold) continue;
      const most = sets
        .map(({ other, set }) => ({ other, shared: overlap(own, set) }))
        .toSorted((a, b) => b.shared - a.shared || a.other - b.other)[0]!;
      gone.set(i, { in: most.other, share });
      break;
    }
    if (gone.has(i)) continue;
    shingles.set(i, own);
    for (const value of sampled) {
      const holders = index.get(value);
      if (!holders) index.set(value, [i]);
      else if (holders.length <= COMMON) holders.push(i);
    }
  }
  return gone;
}

export function sharedPassagesStep(
  shingle: number,
  threshold: number,
  sourceOrder: readonly string[],
): Step {
  return {
    name: "shared-passages",
    async *run(stream) {
      const documents: Document[] = [];
      for await (const document of stream) documents.push(document);
      const gone = sharedPassages(documents, shingle, threshold, sourceOrder);
      for (const [i, document] of documents.entries()) {
        const found = gone.get(i);
        if (found)
          yield drop(
            document,
            "passage of another work",
            { share: Math.round(found.share * 1000) / 1000 },
            documents[found.in]!.id,
          );
        else yield keep(document);
      }
    },
  };
}
