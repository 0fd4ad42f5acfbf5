/** Writes what the tools of each episode saw, beside the rows that stayed. */
import { rm } from "node:fs/promises";
import { writeJsonl } from "../core/jsonl.ts";
import { REMOVED } from "./split.ts";
import type { RowWorld } from "./synth/simulator.ts";

export interface MadeWorld {
  /** Of the row among all that were made. */
  line: number;
  world: RowWorld;
}

/** No file where no row has a world; returns whether there is one. */
export async function writeWorlds(
  path: string,
  made: readonly MadeWorld[],
  sides: Uint8Array,
): Promise<boolean> {
  const worlds = made.filter(({ line }) => sides[line] !== REMOVED).map(({ world }) => world);
  if (worlds.length === 0) await rm(path, { force: true });
  else await writeJsonl(path, worlds);
  return worlds.length > 0;
}
