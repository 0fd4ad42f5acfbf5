/** Keeps a share of items back for validation. */
import type { Random } from "../core/random.ts";

/** A share of the items for validation, by split key where there are several; at least one on each side. */
export function splitByKey<T extends { splitKey: string }>(
  items: readonly T[],
  share: number,
  random: Random,
): { train: T[]; valid: T[] } {
  const byKey = new Map<string, T[]>();
  for (const item of items) {
    const group = byKey.get(item.splitKey);
    if (group) group.push(item);
    else byKey.set(item.splitKey, [item]);
  }
  const groups = byKey.size > 1 ? [...byKey.values()] : items.map((item) => [item]);
  const order = random.shuffle(groups);
  const valid: T[] = [];
  while (order.length > 1 && valid.length < Math.max(1, share * items.length))
    valid.push(...order.pop()!);
  return { train: order.flat(), valid };
}
