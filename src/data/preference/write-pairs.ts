/** Writes a run's preference file, and keeps one that somebody else put there. */
import { copyFile, rm, stat } from "node:fs/promises";
import { relative } from "node:path";
import { TwainError } from "../../core/errors.ts";
import { hashFile } from "../../core/hash.ts";
import { writeJsonl } from "../../core/jsonl.ts";
import type { Preference } from "../../core/preference.ts";
import type { RunDir } from "../../core/run-dir.ts";
import { readManifest } from "../../core/stage.ts";
import { type IsAsked, type PairTally, admitPairs } from "./admit-pairs.ts";
import { readVotes } from "./human-pairs.ts";

/** Whether the curate stage wrote the file that is there. */
async function isOurs(dir: RunDir): Promise<boolean> {
  const path = relative(dir.root, dir.dataset.preference);
  const manifest = await readManifest(dir, "curate");
  return manifest?.outputs.some((output) => output.path === path) ?? false;
}

/** For a recipe that makes no pairs: those that an earlier recipe made would still be trained on. */
export async function removePairs(dir: RunDir): Promise<void> {
  if (await isOurs(dir)) await rm(dir.dataset.preference, { force: true });
}

/**
 * Writes what may train of `pairs` and of the votes; `rejected` counts those that were left out before. `kept` is where a file went that was not curate's. Throws
 * `curate/no-votes`, `core/bad-jsonl`, and `curate/no-pairs` where none is left.
 */
export async function writePairs(
  dir: RunDir,
  pairs: readonly Preference[],
  votes: string | undefined,
  isAsked: IsAsked,
  rejected: Record<string, number> = {},
): Promise<{ tally: PairTally; kept?: string }> {
  const path = dir.dataset.preference;
  const before = `${path}.before`;
  const foreign = (await stat(path).catch(() => undefined)) && !(await isOurs(dir));
  if (foreign) await copyFile(path, before);
  async function* all(): AsyncGenerator<Preference> {
    yield* pairs;
    if (votes !== undefined) yield* readVotes(votes);
  }
  const tally: PairTally = { rows: 0, kinds: {}, licence: {}, rejected: { ...rejected } };
  await writeJsonl(path, admitPairs(all(), isAsked, tally));
  if (tally.rows < 2)
    throw new TwainError(
      "curate/no-pairs",
      `${tally.rows} preference pairs were made (${JSON.stringify(tally.rejected)}); two are needed, one to validate`,
      {
        hint: "Raise curate.preference.decisions, voice, grounded or written, or leave the section out.",
      },
    );
  if (!foreign) return { tally };
  // A curate that was killed after it wrote the file left the same bytes.
  if ((await hashFile(before)).sha256 !== (await hashFile(path)).sha256)
    return { tally, kept: before };
  await rm(before, { force: true });
  return { tally };
}
