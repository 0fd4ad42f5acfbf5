/** The stage that gathers documents: one file for each source of the recipe, each kept once it is whole. */
import { readFile, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import type { Document } from "../core/document.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { fingerprint, hashFile } from "../core/hash.ts";
import { writeJsonl } from "../core/jsonl.ts";
import type { Recipe, SourceConfig } from "../core/recipe.ts";
import { explainIssues, nearest } from "../core/recipe-errors.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Stage } from "../core/stage.ts";
import { versions } from "../core/versions.ts";
import { sources } from "./sources/index.ts";
import { createManners } from "./sources/manners.ts";
import type { Collected, SourceContext, SourceKind } from "./sources/source.ts";

export interface CollectConfig {
  root?: string;
  network: boolean;
  /** As the schemas of their kinds parsed them. */
  sources: SourceConfig[];
}

/** Beside each finished file: proof that it is whole, and what it was made from. */
const Sidecar = z.object({
  fingerprint: z.string(),
  sha256: z.string(),
  documents: z.number(),
  bad: z.record(z.string(), z.number()),
  skipped: z.string().optional(),
});
type Sidecar = z.infer<typeof Sidecar>;

const kindOf = (kind: string): SourceKind => sources.find((source) => source.kind === kind)!;

/** Checks every source of a recipe against its own schema; throws `recipe/invalid` with paths. */
export function collectConfig(recipe: Recipe): CollectConfig {
  const problems: string[] = [];
  const parsed = recipe.data.sources.map((entry, i) => {
    const source = sources.find(({ kind }) => kind === entry.kind);
    if (!source) {
      const known = sources.map(({ kind }) => kind);
      const guess = nearest(entry.kind, known);
      problems.push(
        `data.sources[${i}].kind: unknown source ${entry.kind} (${guess ? `did you mean ${guess}?` : `known: ${known.join(", ")}`})`,
      );
      return entry;
    }
    const result = source.schema.safeParse(entry);
    if (result.success) return result.data as SourceConfig;
    problems.push(explainIssues(result.error, source.schema, ["data", "sources", i]));
    return entry;
  });
  if (problems.length > 0)
    throw new TwainError("recipe/invalid", problems.join("; "), {
      hint: "docs/recipes.md lists every key.",
    });
  return {
    ...(recipe.data.root !== undefined && { root: recipe.data.root }),
    network: recipe.data.network,
    sources: parsed,
  };
}

/** The documents of the i-th source of a recipe. */
export const documentsFile = (dir: RunDir, i: number, kind: string): string =>
  join(dir.documents, `${i}-${kind}.jsonl`);

const sidecarOf = (file: string): string => `${file}.json`;

/** The sidecar where the file beside it is whole and was made from the same config and inputs. */
async function finished(file: string, own: string): Promise<Sidecar | undefined> {
  try {
    const sidecar = Sidecar.parse(JSON.parse(await readFile(sidecarOf(file), "utf8")));
    return sidecar.fingerprint === own && (await hashFile(file)).sha256 === sidecar.sha256
      ? sidecar
      : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the file of one source, then its sidecar. Events come out while the file is being written. */
async function* collectSource(
  file: string,
  own: string,
  open: (signal: AbortSignal) => AsyncGenerator<Collected>,
  signal: AbortSignal,
): AsyncGenerator<RunEvent, Sidecar> {
  const stop = new AbortController();
  const bad: Record<string, number> = {};
  let documents = 0;
  let skipped: string | undefined;
  // `writeJsonl` pulls documents; events are what has gathered between two of them.
  const events: RunEvent[] = [];
  let wake = (): void => {};
  async function* rows(): AsyncGenerator<Document> {
    for await (const item of open(AbortSignal.any([signal, stop.signal]))) {
      if (item.type === "document") {
        documents++;
        yield item.document;
      } else if (item.type === "bad") {
        bad[item.reason] = (bad[item.reason] ?? 0) + 1;
      } else if (item.type === "skipped") {
        skipped = item.message;
      } else {
        events.push({
          type: "progress",
          stage: "collect",
          label: item.label,
          done: item.done,
          ...(item.total !== undefined && { total: item.total }),
        });
        wake();
      }
    }
  }
  let done = false;
  const writing = writeJsonl(file, rows()).finally(() => {
    done = true;
    wake();
  });
  // The rejection is thrown at the await below; until then it must not count as unhandled.
  writing.catch(() => {});
  try {
    while (!done) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (done || events.length > 0) resolve();
      });
      while (events.length > 0) yield events.shift()!;
    }
    await writing;
  } finally {
    // Where the reader left early, the half-written file must be gone before the stage is.
    stop.abort();
    await writing.catch(() => {});
  }
  const sidecar: Sidecar = {
    fingerprint: own,
    sha256: (await hashFile(file)).sha256,
    documents,
    bad,
    ...(skipped !== undefined && { skipped }),
  };
  await writeFileAtomic(sidecarOf(file), `${JSON.stringify(sidecar)}\n`);
  return sidecar;
}

/** Files of sources that the recipe no longer has, or that were cut off. */
async function removeStale(dir: RunDir, keep: readonly string[]): Promise<void> {
  const wanted = new Set(keep.flatMap((file) => [file, sidecarOf(file)]));
  for (const name of await readdir(dir.documents).catch(() => [])) {
    const path = join(dir.documents, name);
    if (!wanted.has(path)) await rm(path, { force: true });
  }
}

export const collect: Stage<CollectConfig> = {
  name: "collect",
  needs: [],
  config: collectConfig,
  inputs: (config) =>
    Promise.all(config.sources.map((entry) => kindOf(entry.kind).open(entry).inputs(config))),

  async *run({ recipe, config, dir, signal }) {
    const files = config.sources.map((entry, i) => documentsFile(dir, i, entry.kind));
    await removeStale(dir, files);
    const context: SourceContext = {
      ...(config.root !== undefined && { root: config.root }),
      network: config.network,
      signal,
      privateHosts: recipe.data.privateHosts,
      ...(recipe.data.contact !== undefined && { contact: recipe.data.contact }),
      manners: createManners(),
      // Shared by the runs beside this one: a book is downloaded once.
      cacheDir: join(dirname(dir.root), ".cache", "http"),
    };
    const counts: Record<string, number> = { documents: 0 };
    const dropped: Record<string, number> = {};
    for (const [i, entry] of config.sources.entries()) {
      const source = kindOf(entry.kind).open(entry);
      const own = fingerprint({
        entry,
        root: config.root ?? null,
        inputs: await source.inputs(config),
        package: versions().twainbot,
      });
      const file = files[i]!;
      const label = `${i}-${entry.kind}`;
      let sidecar = await finished(file, own);
      if (sidecar)
        yield { type: "notice", stage: "collect", message: `${label}: kept from before` };
      else
        sidecar = yield* collectSource(
          file,
          own,
          (stop) => source.collect({ ...context, signal: stop }),
          signal,
        );
      counts.documents! += sidecar.documents;
      counts[label] = sidecar.documents;
      for (const [reason, count] of Object.entries(sidecar.bad))
        dropped[`${label}: ${reason}`] = count;
      yield {
        type: "tally",
        stage: "collect",
        step: label,
        kept: sidecar.documents,
        dropped: sidecar.bad,
      };
      if (sidecar.skipped !== undefined) {
        yield { type: "notice", stage: "collect", message: `${label}: ${sidecar.skipped}` };
      } else if (sidecar.documents === 0) {
        throw new TwainError(
          "collect/empty-source",
          `the source data.sources[${i}] (${entry.kind}) gave no document`,
          { hint: "Check its files and settings." },
        );
      }
    }
    return { outputs: files, counts, dropped };
  },
};
