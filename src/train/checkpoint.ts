/**
 * Checkpoints: one safetensors file a step, and beside it a small JSON file, written last, with its
 * hash. A checkpoint without a matching JSON file does not exist.
 */
import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { hashFile } from "../core/hash.ts";
import { type StoredTensor, readSafetensors, writeSafetensors } from "../models/safetensors.ts";
import type { TrainerState } from "./trainer.ts";

/** Where a run stands besides its weights. */
export interface Progress {
  bestLoss: number;
  bestStep: number;
  /** Validations since the best one. */
  sinceBest: number;
}

export interface Checkpoint {
  state: TrainerState;
  progress: Progress;
  /** Trained weights of the best validation so far. */
  best: Map<string, Float32Array>;
}

const Sidecar = z.object({
  step: z.number().int(),
  /** Of the work it belongs to; another recipe or dataset does not resume from it. */
  fingerprint: z.string(),
  sha256: z.string(),
  bytes: z.number(),
  bestLoss: z.number().nullable(),
  bestStep: z.number(),
  sinceBest: z.number(),
});

const nameOf = (step: number): string => `step-${String(step).padStart(7, "0")}`;

/** Steps with a sidecar, newest first. */
async function listSteps(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .map((name) => /^step-(\d+)\.json$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .toSorted((a, b) => b - a);
}

/** Writes a checkpoint, then removes all but the newest `keep`. */
export async function saveCheckpoint(
  folder: string,
  checkpoint: Checkpoint,
  shapes: ReadonlyMap<string, readonly number[]>,
  fingerprint: string,
  keep: number,
): Promise<void> {
  const { state, progress, best } = checkpoint;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, shape] of shapes) {
    for (const [prefix, from] of [
      ["weights", state.weights],
      ["m", state.m],
      ["v", state.v],
      ["best", best],
    ] as const) {
      const data = from.get(name); // Muon keeps no v
      if (data) tensors.set(`${prefix}.${name}`, { shape, data });
    }
  }
  const path = join(folder, `${nameOf(state.step)}.safetensors`);
  await writeSafetensors(path, tensors);
  const sidecar: z.infer<typeof Sidecar> = {
    step: state.step,
    fingerprint,
    ...(await hashFile(path)),
    ...progress,
    bestLoss: Number.isFinite(progress.bestLoss) ? progress.bestLoss : null,
  };
  await writeFileAtomic(
    join(folder, `${nameOf(state.step)}.json`),
    `${JSON.stringify(sidecar, null, 2)}\n`,
  );
  for (const step of (await listSteps(folder)).slice(keep)) {
    // The sidecar goes first: without it the rest is no checkpoint any more.
    await rm(join(folder, `${nameOf(step)}.json`), { force: true });
    await rm(join(folder, `${nameOf(step)}.safetensors`), { force: true });
  }
}

/**
 * The newest whole checkpoint of this work, and a sentence for each newer one that had to be passed
 * over because its bytes do not match.
 */
export async function loadCheckpoint(
  folder: string,
  fingerprint: string,
): Promise<{ checkpoint?: Checkpoint; passedOver: string[] }> {
  const passedOver: string[] = [];
  for (const step of await listSteps(folder)) {
    const path = join(folder, `${nameOf(step)}.safetensors`);
    try {
      const sidecar = Sidecar.parse(
        JSON.parse(await readFile(join(folder, `${nameOf(step)}.json`), "utf8")),
      );
      if (sidecar.fingerprint !== fingerprint) continue;
      const found = await hashFile(path);
      if (found.sha256 !== sidecar.sha256)
        throw new Error(
          `its bytes do not match their recorded hash (${found.bytes} of ${sidecar.bytes} bytes)`,
        );
      const { tensors } = await readSafetensors(path);
      const group = (prefix: string): Map<string, Float32Array> =>
        new Map(
          [...tensors]
            .filter(([name]) => name.startsWith(`${prefix}.`))
            .map(([name, { data }]) => [name.slice(prefix.length + 1), data]),
        );
      return {
        checkpoint: {
          state: { step: sidecar.step, weights: group("weights"), m: group("m"), v: group("v") },
          progress: {
            bestLoss: sidecar.bestLoss ?? Number.POSITIVE_INFINITY,
            bestStep: sidecar.bestStep,
            sinceBest: sidecar.sinceBest,
          },
          best: group("best"),
        },
        passedOver,
      };
    } catch (error) {
      passedOver.push(
        `checkpoint of step ${step} is damaged and was passed over: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
  return { passedOver };
}
