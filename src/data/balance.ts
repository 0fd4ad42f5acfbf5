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

/** 1 for every row that stays: as many as the scarcest kind allows, drawn by the seed. */
export function balanceRows(domains: readonly string[], shares: Shares, seed: number): Uint8Array {
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
  const total = Math.min(...wanted.map(([kind, list]) => list.length / shares[kind]));
  const random = createRandom(seed);
  for (const [kind, list] of wanted) {
    const kept = random.fork(`balance ${kind}`).shuffle(list);
    for (const i of kept.slice(0, Math.floor(total * shares[kind] + 1e-9))) stays[i] = 1;
  }
  return stays;
}

/** Marks in `sides` the rows that are over their share, of those that still have a side; returns their numbers. */
export function leaveOutOverShare(
  rows: readonly { domain: string }[],
  sides: Uint8Array,
  shares: Shares,
  seed: number,
): number[] {
  const lines = [...rows.keys()].filter((line) => sides[line] !== REMOVED);
  const domains = lines.map((line) => rows[line]!.domain);
  const left: number[] = [];
  for (const [i, stays] of balanceRows(domains, shares, seed).entries()) {
    if (stays === 1) continue;
    sides[lines[i]!] = REMOVED;
    left.push(lines[i]!);
  }
  return left;
}
