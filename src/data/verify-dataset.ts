/** Reads a dataset back, a run's or a version's, and checks every tool row again by running its calls, as when it was made. */
import { access } from "node:fs/promises";
import { z } from "zod";
import { type Conversation, ConversationRow, fromRow } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import { readJsonl } from "../core/jsonl.ts";
import type { DatasetDir } from "../core/run-dir.ts";
import { loadPlaces } from "../weather/place.ts";
import { SIDES, type Side } from "./split.ts";
import { EPISODES } from "./synth/episodes.ts";
import { type Failure, RowWorld, createSimulator } from "./synth/simulator.ts";
import { type RejectReason, verifyEpisode } from "./synth/verify.ts";

export interface RowFailure {
  row: string;
  /** Absent for an episode of which only the world is left. */
  side?: Side;
  reason:
    | RejectReason
    /** Nothing says in which weather the row was made. */
    | "no-world"
    /** `worlds.jsonl` has it, the dataset has not. */
    | "row-missing"
    | "same-id";
  template?: string;
}

export interface DatasetVerification {
  /** Rows of train, valid and test; `episodes` of them were run again. */
  rows: number;
  episodes: number;
  calls: number;
  /** Rows with calls that a model voiced: judged when they were made, and of their world nothing is kept. */
  written: number;
  /** Episodes by domain. */
  domain: Record<string, number>;
  failed: RowFailure[];
}

const callsIn = (row: Conversation): number =>
  row.messages.reduce(
    (sum, message) => sum + (message.role === "assistant" ? (message.toolCalls?.length ?? 0) : 0),
    0,
  );
const usesTools = (row: Conversation): boolean =>
  callsIn(row) > 0 || row.messages.some(({ role }) => role === "tool");

/** All that is asked of a row whose shape is wrong. */
const Named = z.object({ id: z.string() });

/** Throws `data/no-worlds` where the dataset is absent, has no episodes or is older than this check, `core/bad-jsonl` for a line that is no JSON. */
export async function verifyDataset(
  dataset: DatasetDir,
  signal: AbortSignal,
): Promise<DatasetVerification> {
  const { worlds: path } = dataset;
  await access(path).catch((cause: unknown) => {
    throw new TwainError("data/no-worlds", `there is no ${path}`, {
      hint: "Make the dataset first: twainbot run <recipe>, or collect and curate. A version that was tagged without this file cannot be verified: tag its dataset again under another name.",
      cause,
    });
  });
  const worlds = new Map<string, { now: Date; failure: Failure | undefined }>();
  for await (const { row, now, failure } of readJsonl(path, RowWorld))
    worlds.set(row, { now: new Date(now), failure });

  const simulator = createSimulator(await loadPlaces());
  const found: DatasetVerification = {
    rows: 0,
    episodes: 0,
    calls: 0,
    written: 0,
    domain: {},
    failed: [],
  };
  const seen = new Set<string>();
  const check = async (row: Conversation): Promise<RowFailure["reason"] | undefined> => {
    if (seen.has(row.id)) return "same-id";
    seen.add(row.id);
    const world = worlds.get(row.id);
    if (!world && row.meta.written && row.tags.source !== EPISODES) {
      if (usesTools(row)) found.written++;
      return undefined;
    }
    if (!world) return usesTools(row) || row.tags.source === EPISODES ? "no-world" : undefined;
    found.episodes++;
    found.calls += callsIn(row);
    found.domain[row.tags.domain] = (found.domain[row.tags.domain] ?? 0) + 1;
    simulator.set(world.now, world.failure);
    return verifyEpisode(row, simulator.tools, signal);
  };
  for (const side of SIDES) {
    for await (const line of readJsonl(dataset[side], z.unknown())) {
      signal.throwIfAborted();
      found.rows++;
      const parsed = ConversationRow.safeParse(line);
      if (!parsed.success) {
        const { data: named } = Named.safeParse(line);
        if (named) seen.add(named.id);
        found.failed.push({ row: named?.id ?? `row ${found.rows}`, side, reason: "format" });
        continue;
      }
      const row = fromRow(parsed.data);
      const reason = await check(row);
      const { template } = row.meta;
      if (reason) found.failed.push({ row: row.id, side, reason, ...(template && { template }) });
    }
  }
  for (const row of worlds.keys())
    if (!seen.has(row)) found.failed.push({ row, reason: "row-missing" });
  return found;
}
