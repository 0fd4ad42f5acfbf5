/** Which of many possible texts a plan asks for: each has its own lot, so that a new one displaces few of the old. */
import type { Random } from "../../core/random.ts";

export interface Drawn<T> {
  item: T;
  /** 0 the first time that an item is drawn. */
  round: number;
  /** Of this draw alone, by the item's name: it does not depend on the other items. */
  random: Random;
}

/**
 * `count` draws, in rounds in which every item comes once. Within a round items stand in the order of a hash of
 * their names, so that adding an item, or another order of the same items, changes no other draw.
 */
export function drawRounds<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  count: number,
  random: Random,
): Drawn<T>[] {
  const drawn: Drawn<T>[] = [];
  for (let round = 0; items.length > 0 && drawn.length < count; round++) {
    const lots = items
      .map((item) => {
        const name = nameOf(item);
        const own = random.fork(`${name}|${round}`);
        return { item, name, lot: own.next(), own };
      })
      .toSorted((a, b) => a.lot - b.lot || (a.name < b.name ? -1 : 1));
    for (const { item, own } of lots.slice(0, count - drawn.length))
      drawn.push({ item, round, random: own });
  }
  return drawn;
}
