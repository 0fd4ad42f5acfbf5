/** Which rows stay where a recipe says how much of each kind a dataset should have. */
import type { Domain } from "../core/conversation.ts";
import { createRandom } from "../core/random.ts";
import type { Recipe } from "../core/recipe.ts";
import { REMOVED } from "./split.ts";

type Shares = NonNullable<Recipe["curate"]["balance"]>;

/** Everything that has to do with tools but is no writing counts as `tool`. */
const KINDS: Readonly<Partial<Record<Domain, keyof Shares>>> = {
  literary: "literary",
  humour: "humour",
  hybrid: "hybrid",
  tool: "tool",
  "tool-error": "tool",
  "missing-location": "tool",
  "no-tool": "tool",
};

export interface Balanced {
  /** 1 for every row that stays. */
  stays: Uint8Array;
  /** The kind that decides how large the dataset is, and how many rows of it there are. */
  scarcest: { kind: keyof Shares; rows: number } | undefined;
}

/** As many rows as the scarcest kind allows, drawn by the seed. */
export function balanceRows(domains: readonly string[], shares: Shares, seed: number): Balanced {
  const rows = new Map<keyof Shares, number[]>();
  const stays = new Uint8Array(domains.length).fill(1);
  for (const [i, domain] of domains.entries()) {
    const kind = KINDS[domain as Domain];
    if (!kind) continue;
    stays[i] = 0;
    const list = rows.get(kind);
    if (list) list.push(i);
    else rows.set(kind, [i]);
  }
  const wanted = [...rows].filter(([kind]) => shares[kind] > 0);
  const [scarce] = wanted.toSorted(
    ([a, listA], [b, listB]) => listA.length / shares[a] - listB.length / shares[b],
  );
  const total = scarce ? scarce[1].length / shares[scarce[0]] : 0;
  const random = createRandom(seed);
  for (const [kind, list] of wanted) {
    const kept = random.fork(`balance ${kind}`).shuffle(list);
    for (const i of kept.slice(0, Math.floor(total * shares[kind] + 1e-9))) stays[i] = 1;
  }
  return { stays, scarcest: scarce && { kind: scarce[0], rows: scarce[1].length } };
}

/**
 * Marks in `sides` the rows that are over their share, of those that still have a side; returns their numbers, and what
 * is to be told of that.
 */
export function leaveOutOverShare(
  rows: readonly { domain: string }[],
  sides: Uint8Array,
  shares: Shares,
  seed: number,
): { left: number[]; notice?: string } {
  const lines = [...rows.keys()].filter((line) => sides[line] !== REMOVED);
  const domains = lines.map((line) => rows[line]!.domain);
  const { stays, scarcest } = balanceRows(domains, shares, seed);
  const left = lines.filter((_, i) => stays[i] === 0);
  for (const line of left) sides[line] = REMOVED;
  if (left.length === 0 || !scarcest) return { left };
  const { kind, rows: count } = scarcest;
  const percent = Math.round(1000 * shares[kind]) / 10;
  return {
    left,
    notice: `${kind} is the scarcest kind: its ${count} rows are to be ${percent} % of the dataset, so ${left.length} of ${lines.length} rows are left out; more ${kind} rows, or a smaller curate.balance.${kind}, keep more`,
  };
}
