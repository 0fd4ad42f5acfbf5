/**
 * Texts that are nearly the same. MinHash bands only propose a pair; the exact Jaccard similarity of
 * its shingles decides. A text goes only for a likeness to one that stays, never for a likeness to one
 * that went: chains of small differences wipe out templated sources.
 */
import { join } from "node:path";
import type { Document } from "../../core/document.ts";
import type { Random } from "../../core/random.ts";
import { NEAR_DUPLICATE, type Step, drop, keep } from "../pipeline.ts";
import { openSpool } from "../spool.ts";
import { createGroups, createIntList, equalKeys } from "./equal-keys.ts";
import { plainForm } from "./exact-dedup.ts";
import { createBander, hashShingles, jaccard } from "./minhash.ts";
import { createShingleCache } from "./shingle-cache.ts";
import { type Survival, createSurvival } from "./survivor.ts";

export interface DedupConfig {
  shingle: number;
  bands: number;
  rows: number;
  threshold: number;
  /** For passages of other works; see there. */
  sample: number;
}

/**
 * So many kept texts of one band are compared with the next one. A template can put a whole source into one band, and
 * comparing all with all would take for ever; a true copy is also found through its other bands.
 */
const CROWD = 64;

interface Match {
  of: number;
  similarity: number;
}

/** For each text that goes, the one that stays for it, and how alike they are. `keys` has `bands` of each text. */
function nearDuplicates(
  keys: Int32Array,
  config: DedupConfig,
  survival: Survival,
  textOf: (index: number) => string,
): Map<number, Match> {
  const { bands, threshold } = config;
  const count = keys.length / bands;
  const groups = createGroups(count);
  for (let band = 0; band < bands; band++)
    for (const alike of equalKeys(count, (i) => keys[i * bands + band]!))
      for (let k = 1; k < alike.length; k++) groups.join(alike[0]!, alike[k]!);

  const gone = new Map<number, Match>();
  // Whatever two texts have a band in common are in one group, so each group is settled by itself.
  for (const group of groups.all()) {
    const shingles = createShingleCache(textOf, config.shingle);
    /** Kept texts by band and key. */
    const table = new Map<number, number[]>();
    const place = (i: number, band: number): number =>
      band * 2 ** 32 + (keys[i * bands + band]! >>> 0);
    // Best first: whatever a text is compared with is already known to stay.
    for (const i of group.toSorted(survival.compare)) {
      const own = shingles.of(i);
      const compared = new Set<number>();
      let best: Match | undefined;
      for (let band = 0; band < bands; band++) {
        for (const other of table.get(place(i, band)) ?? []) {
          if (compared.has(other)) continue;
          compared.add(other);
          const others = shingles.of(other);
          // One shingle each is one 32-bit hash: too little to delete on.
          const alike =
            own.length === 1 && others.length === 1
              ? plainForm(textOf(i)) === plainForm(textOf(other))
                ? 1
                : 0
              : jaccard(own, others);
          if (alike >= threshold && alike > (best?.similarity ?? 0))
            best = { of: other, similarity: alike };
        }
      }
      if (best) {
        gone.set(i, best);
        continue;
      }
      for (let band = 0; band < bands; band++) {
        const bucket = table.get(place(i, band));
        if (!bucket) table.set(place(i, band), [i]);
        else if (bucket.length < CROWD) bucket.push(i);
      }
    }
  }
  return gone;
}

/** `scratch` is a folder for documents that wait. */
export function nearDedupStep(
  config: DedupConfig,
  sourceOrder: readonly string[],
  random: Random,
  scratch: string,
): Step {
  return {
    name: "near-dedup",
    async *run(stream) {
      const documents = await openSpool<Document>(join(scratch, ".near-dedup.spool"));
      try {
        const bander = createBander(config.bands, config.rows, random);
        const survival = createSurvival(sourceOrder);
        const keys = createIntList();
        for await (const document of stream) {
          keys.append(bander(hashShingles(document.text, config.shingle)));
          survival.add(document);
          await documents.append(document);
        }
        await documents.finish();
        const gone = nearDuplicates(keys.view(), config, survival, (i) => documents.row(i).text);
        let i = 0;
        for (const document of documents) {
          const match = gone.get(i++);
          if (match)
            yield drop(
              document,
              NEAR_DUPLICATE,
              { similarity: Math.round(match.similarity * 1000) / 1000 },
              survival.idOf(match.of),
            );
          else yield keep(document);
        }
      } finally {
        await documents.remove();
      }
    },
  };
}
