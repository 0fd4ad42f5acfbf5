/**
 * Passages that another work holds too, as two editions of one autobiography do. Their chunks are cut at
 * different places, so no two chunks are alike; but one chunk's shingles are all found in the other work.
 * A sample of shingles proposes, the exact share decides.
 */
import { join } from "node:path";
import { type Document, extraText } from "../../core/document.ts";
import { type Step, drop, keep } from "../pipeline.ts";
import { openSpool } from "../spool.ts";
import { createIntList, equalKeys } from "./equal-keys.ts";
import { overlap, shinglesOf } from "./minhash.ts";
import type { DedupConfig } from "./near-dedup.ts";
import { createShingleCache } from "./shingle-cache.ts";
import { compareIds, sourceRanks } from "./survivor.ts";

/** A shingle in more chunks than this is a common phrase and proposes nothing. */
const COMMON = 16;

function union(sets: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(sets.reduce((sum, set) => sum + set.length, 0));
  let at = 0;
  for (const set of sets) {
    all.set(set, at);
    at += set.length;
  }
  return all.sort();
}

/** Chunks of works: what is known of each while their texts wait on disk. */
interface Chunk {
  /** Number of the document in the stream. */
  at: number;
  id: string;
  work: number;
  rank: number;
  /** Where its sampled shingles are in the list of all. */
  from: number;
  to: number;
}

interface Found {
  in: number;
  share: number;
}

/** Sampled shingles that stand in more than one work; all others propose nothing. */
function severalWorks(sampled: Int32Array, works: Int32Array): Set<number> {
  const several = new Set<number>();
  for (const places of equalKeys(sampled.length, (i) => sampled[i]!)) {
    const work = works[places[0]!];
    if (places.some((i) => works[i] !== work)) several.add(sampled[places[0]!]!);
  }
  return several;
}

/** For each chunk that goes: the chunk of another work that shares most, and what share that work holds. */
function sharedPassages(
  chunks: readonly Chunk[],
  works: readonly string[],
  sampled: Int32Array,
  several: ReadonlySet<number>,
  threshold: number,
  shinglesAt: (index: number) => Int32Array,
): Map<number, Found> {
  // Whole works in a fixed order: the earlier source and the smaller id keeps the passage.
  const place = new Int32Array(works.length);
  for (const [i, work] of [...works.keys()]
    .toSorted((a, b) => compareIds(works[a]!, works[b]!))
    .entries())
    place[work] = i;
  const order = chunks.toSorted(
    (a, b) => a.rank - b.rank || place[a.work]! - place[b.work]! || compareIds(a.id, b.id),
  );
  const workAt = new Map<number, number>();
  const index = new Map<number, number[]>();
  const gone = new Map<number, Found>();
  for (const { at, work, from, to } of order) {
    const values = sampled.subarray(from, to).filter((value) => several.has(value));
    if (values.length === 0) continue;
    const candidates = new Map<number, Set<number>>();
    for (const value of values) {
      const holders = index.get(value);
      if (!holders || holders.length > COMMON) continue;
      for (const other of holders) {
        const otherWork = workAt.get(other)!;
        if (otherWork === work) continue;
        const found = candidates.get(otherWork);
        if (found) found.add(other);
        else candidates.set(otherWork, new Set([other]));
      }
    }
    for (const others of candidates.values()) {
      const own = shinglesAt(at);
      const sets = [...others].map((other) => ({ other, set: shinglesAt(other) }));
      const share = overlap(own, union(sets.map(({ set }) => set))) / own.length;
      if (share < threshold) continue;
      const most = sets
        .map(({ other, set }) => ({ other, shared: overlap(own, set) }))
        .toSorted((a, b) => b.shared - a.shared || a.other - b.other)[0]!;
      gone.set(at, { in: most.other, share });
      break;
    }
    if (gone.has(at)) continue;
    workAt.set(at, work);
    for (const value of values) {
      const holders = index.get(value);
      if (!holders) index.set(value, [at]);
      else if (holders.length <= COMMON) holders.push(at);
    }
  }
  return gone;
}

/**
 * `scratch` is a folder for documents that wait. One shingle in `sample` proposes; the same ones in every text, as
 * the hash itself is sampled.
 */
export function sharedPassagesStep(
  { shingle, threshold, sample }: DedupConfig,
  sourceOrder: readonly string[],
  scratch: string,
): Step {
  return {
    name: "shared-passages",
    async *run(stream) {
      const documents = await openSpool<Document>(join(scratch, ".shared-passages.spool"));
      try {
        const rankOf = sourceRanks(sourceOrder);
        const chunks: Chunk[] = [];
        const numbers = new Map<string, number>();
        const sampled = createIntList();
        /** The work of each sampled shingle. */
        const works = createIntList();
        for await (const document of stream) {
          const name = extraText(document, "work");
          if (name !== undefined) {
            let work = numbers.get(name);
            if (work === undefined) numbers.set(name, (work = numbers.size));
            const values = shinglesOf(document.text, shingle).filter((v) => v % sample === 0);
            const from = sampled.length;
            sampled.append(values);
            works.append(new Int32Array(values.length).fill(work));
            chunks.push({
              at: documents.length,
              id: document.id,
              work,
              rank: rankOf(document.source),
              from,
              to: sampled.length,
            });
          }
          await documents.append(document);
        }
        await documents.finish();
        const cache = createShingleCache((i) => documents.row(i).text, shingle);
        const gone = sharedPassages(
          chunks,
          [...numbers.keys()],
          sampled.view(),
          severalWorks(sampled.view(), works.view()),
          threshold,
          cache.of,
        );
        let i = 0;
        for (const document of documents) {
          const found = gone.get(i++);
          if (found)
            yield drop(
              document,
              "passage of another work",
              { share: Math.round(found.share * 1000) / 1000 },
              documents.row(found.in).id,
            );
          else yield keep(document);
        }
      } finally {
        await documents.remove();
      }
    },
  };
}
