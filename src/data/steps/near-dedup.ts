/**
 * Texts that are nearly the same. MinHash bands only propose a pair; the exact Jaccard similarity of
 * its shingles decides. A text goes only for a likeness to one that stays, never for a likeness to one
 * that went: chains of small differences wipe out templated sources.
 */
import type { Document } from "../../core/document.ts";
import type { Random } from "../../core/random.ts";
import { type Step, drop, keep } from "../pipeline.ts";
import { plainForm } from "./exact-dedup.ts";
import { createBander, jaccard, shinglesOf } from "./minhash.ts";
import { bySurvival } from "./survivor.ts";

export interface DedupConfig {
  shingle: number;
  bands: number;
  rows: number;
  threshold: number;
}

/** For each document that goes, the index of the one that stays for it, and how alike they are. */
export function nearDuplicates(
  documents: readonly Document[],
  config: DedupConfig,
  sourceOrder: readonly string[],
  random: Random,
): Map<number, { of: number; similarity: number }> {
  const bander = createBander(config.bands, config.rows, random);
  const shingles: Int32Array[] = Array.from({ length: documents.length });
  /** Kept documents by key, one table a band. */
  const tables = Array.from({ length: config.bands }, () => new Map<number, number[]>());
  const gone = new Map<number, { of: number; similarity: number }>();
  // Best first: whatever a document is compared with is already known to stay.
  for (const i of bySurvival(documents, sourceOrder)) {
    const own = (shingles[i] = shinglesOf(documents[i]!.text, config.shingle));
    const keys = bander(own);
    const compared = new Set<number>();
    let best: { of: number; similarity: number } | undefined;
    for (const [band, table] of tables.entries()) {
      for (const other of table.get(keys[band]!) ?? []) {
        if (compared.has(other)) continue;
        compared.add(other);
        // One shingle each is one 32-bit hash: too little to delete on.
        const alike =
          own.length === 1 && shingles[other]!.length === 1
            ? plainForm(documents[i]!.text) === plainForm(documents[other]!.text)
              ? 1
              : 0
            : jaccard(own, shingles[other]!);
        if (alike >= config.threshold && alike > (best?.similarity ?? 0))
          best = { of: other, similarity: alike };
      }
    }
    if (best) {
      gone.set(i, best);
      continue;
    }
    for (const [band, table] of tables.entries()) {
      const bucket = table.get(keys[band]!);
      if (bucket) bucket.push(i);
      else table.set(keys[band]!, [i]);
    }
  }
  return gone;
}

export function nearDedupStep(
  config: DedupConfig,
  sourceOrder: readonly string[],
  random: Random,
): Step {
  return {
    name: "near-dedup",
    async *run(stream) {
      const documents: Document[] = [];
      for await (const document of stream) documents.push(document);
      const gone = nearDuplicates(documents, config, sourceOrder, random);
      for (const [i, document] of documents.entries()) {
        const pair = gone.get(i);
        if (pair)
          yield drop(
            document,
            "near duplicate",
            { similarity: Math.round(pair.similarity * 1000) / 1000 },
            documents[pair.of]!.id,
          );
        else yield keep(document);
      }
    },
  };
}
