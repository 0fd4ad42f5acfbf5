/** Some records or rows of a run for a person to look at: of every group as many, whatever its size. */
import { sha256 } from "../../core/hash.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { openRunRecords } from "../run-records.ts";
import { type ReviewItem, recordItem, rowItem } from "./review-item.ts";
import { readReviews } from "./review-store.ts";

export interface Sampled {
  items: ReviewItem[];
  /** Records or rows that could have been drawn. */
  pool: number;
  /** Of all there are, those that somebody judged already. */
  reviewed: number;
}

/** Whether it was judged: as it is, or as it was before an edit. */
type Candidate = { item: ReviewItem; reviewed: boolean };

async function* candidates(
  dir: RunDir,
  what: "records" | "rows",
  recipe: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Candidate> {
  const records = await openRunRecords(dir, signal);
  const { byKey } = await readReviews(dir.reviews, recipe);
  const candidate = (item: ReviewItem, edited: boolean): Candidate => ({
    item,
    reviewed: edited || byKey.has(item.of),
  });
  if (what === "records")
    for await (const document of records.kept())
      yield candidate(recordItem(document), document.review?.was !== undefined);
  else
    for await (const { split, row } of records.rows())
      if (split !== "base" && split !== "base-valid")
        yield candidate(rowItem(split, row), row.meta.review?.was !== undefined);
}

/**
 * `count` items, one from each group in turn. Which ones follows from `seed` and their contents alone, so the same
 * are drawn from another run with the same texts. Those that were judged, for `recipe` where it is given, are left out unless `again`. Throws
 * `data/no-ledger`.
 */
export async function sampleForReview(
  dir: RunDir,
  options: {
    what: "records" | "rows";
    count: number;
    seed: number;
    again: boolean;
    recipe?: string;
    signal: AbortSignal;
  },
): Promise<Sampled> {
  const { what, count, seed, again, recipe, signal } = options;
  const groups = new Map<string, { rank: string; item: ReviewItem }[]>();
  let pool = 0;
  let reviewed = 0;
  for await (const candidate of candidates(dir, what, recipe, signal)) {
    if (candidate.reviewed) reviewed++;
    if (candidate.reviewed && !again) continue;
    pool++;
    const { item } = candidate;
    let group = groups.get(item.group);
    if (!group) groups.set(item.group, (group = []));
    group.push({ rank: sha256(`${seed} ${item.of}`), item });
    // The first of each group are enough; the rest would be the whole dataset in memory.
    if (group.length >= 2 * count + 64) group.splice(0, group.length, ...lowest(group, count));
  }
  const rankOf = (name: string): string => sha256(`${seed} ${name}`);
  const queues = [...groups]
    .toSorted(([a], [b]) => (rankOf(a) < rankOf(b) ? -1 : 1))
    .map(([, group]) => lowest(group, count));
  const items: ReviewItem[] = [];
  for (let round = 0; items.length < count && queues.some((queue) => queue[round]); round++)
    for (const queue of queues)
      if (queue[round] && items.length < count) items.push(queue[round]!.item);
  return { items, pool, reviewed };
}

const lowest = <T extends { rank: string }>(group: readonly T[], count: number): T[] =>
  group.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, count);
