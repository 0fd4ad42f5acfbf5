/**
 * Which rows are for training, which for validation and test. Rows with one key stay together, so that
 * no work, phrasing or place is on two sides; each kind of row gets its share of every side.
 */
import type { Conversation } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { type Random, createRandom } from "../core/random.ts";

export const SIDES = ["train", "valid", "test"] as const;
export type Side = (typeof SIDES)[number];
/** In the place of a side: the row was taken out after the split. */
export const REMOVED = 255;

/** What the split needs to know of a row. */
export interface SplitRow {
  key: string;
  /** Rows that are alike: every group is divided by itself. */
  group: string;
}

/** A work of Twain is no stand-in for one of Franklin, nor a shipped aphorism for a chapter. */
export function splitRow(row: Conversation): SplitRow {
  const { domain, persona, source } = row.tags;
  return { key: row.meta.split_key, group: `${domain}|${source}|${persona}` };
}

/** `train:x` says itself where it belongs: its maker divided phrasings before it made rows from them. */
export const namedSide = (key: string): Side | undefined =>
  SIDES.find((side) => key.startsWith(`${side}:`));

/** Below this many keys a group cannot spare one. */
const MIN_KEYS = 3;

/**
 * The side of each row. A key goes to a side where that brings the side closer to its share; a group whose
 * keys are all too large gives its smallest. Throws `data/empty-split`.
 */
export function splitRows(
  rows: readonly SplitRow[],
  shares: { valid: number; test: number },
  seed: number,
): Uint8Array {
  const sideOf = new Map<string, Side>();
  const groups = new Map<string, Map<string, number>>();
  for (const { key, group } of rows) {
    const named = namedSide(key);
    if (named) {
      sideOf.set(key, named);
      continue;
    }
    let keys = groups.get(group);
    if (!keys) groups.set(group, (keys = new Map()));
    keys.set(key, (keys.get(key) ?? 0) + 1);
  }
  const random = createRandom(seed).fork("split");
  for (const name of [...groups.keys()].toSorted()) {
    assignGroup(groups.get(name)!, shares, sideOf, random.fork(name));
  }
  const counts = { train: 0, valid: 0, test: 0 };
  const sides = Uint8Array.from(rows, ({ key }) => {
    const side = sideOf.get(key) ?? "train";
    counts[side]++;
    return SIDES.indexOf(side);
  });
  for (const side of SIDES) {
    const wanted = side === "train" || shares[side] > 0;
    if (wanted && counts[side] === 0) {
      throw new TwainError(
        "data/empty-split",
        `no row is left for ${side}: ${rows.length} rows with ${new Set(rows.map(({ key }) => key)).size} split keys`,
        {
          hint: "Add sources or episodes, or change curate.split.",
        },
      );
    }
  }
  return sides;
}

/** Adds the sides of one group's keys to `sideOf`; keys that another group placed count, and stay. */
function assignGroup(
  keys: ReadonlyMap<string, number>,
  shares: { valid: number; test: number },
  sideOf: Map<string, Side>,
  random: Random,
): void {
  const total = [...keys.values()].reduce((sum, count) => sum + count, 0);
  const order = random.shuffle([...keys.keys()].toSorted());
  const free = new Set(order.filter((key) => !sideOf.has(key)));
  for (const side of ["test", "valid"] as const) {
    const target = total * shares[side];
    let filled = order.reduce(
      (sum, key) => sum + (sideOf.get(key) === side ? keys.get(key)! : 0),
      0,
    );
    const take = (key: string): void => {
      sideOf.set(key, side);
      free.delete(key);
      filled += keys.get(key)!;
    };
    for (const key of order) {
      if (!free.has(key) || free.size < MIN_KEYS - 1) continue;
      const size = keys.get(key)!;
      if (Math.abs(filled + size - target) < Math.abs(filled - target)) take(key);
    }
    const smallest = [...free].toSorted((a, b) => keys.get(a)! - keys.get(b)!)[0];
    if (
      filled === 0 &&
      target > 0 &&
      smallest !== undefined &&
      free.size >= MIN_KEYS - 1 &&
      keys.size >= MIN_KEYS
    )
      take(smallest);
  }
  for (const key of free) sideOf.set(key, "train");
}
