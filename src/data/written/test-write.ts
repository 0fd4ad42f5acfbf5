/** The model's part of curation alone, for tests: in this process, or in one that a test kills. */
import { readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Conversation } from "../../core/conversation.ts";
import type { Document } from "../../core/document.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { packageRoot } from "../../core/package-root.ts";
import type { Preference } from "../../core/preference.ts";
import { type Recipe, parseRecipe } from "../../core/recipe.ts";
import { runDir } from "../../core/run-dir.ts";
import { z } from "zod";
import type { WrittenStats } from "../dataset-stats.ts";
import { writeData } from "./written.ts";

export interface WrittenOnce {
  rows: Conversation[];
  pairs: Preference[];
  stats: WrittenStats;
  dropped: Record<string, number>;
  notices: string[];
  /** Contents by name of what it left in the run. */
  files: Record<string, string>;
}

const Passage = z.looseObject({ id: z.string(), kind: z.string(), text: z.string() });

/** The shipped plain passages; `people` of them as if by people. */
async function passages(people: number): Promise<Document[]> {
  const documents: Document[] = [];
  for await (const { id, kind, text } of readJsonl(
    join(packageRoot(), "corpus", "neutral.jsonl"),
    Passage,
  )) {
    if (kind !== "passage") continue;
    documents.push({
      id: `bundled:${id}`,
      kind: "passage",
      text,
      source: "bundled",
      licence: "CC0-1.0",
      sha256: "",
      synthetic: documents.length >= people,
      extra: { persona: "neutral" },
    });
  }
  return documents;
}

export async function writeOnce(
  recipe: Recipe,
  runs: string,
  people: number,
): Promise<WrittenOnce> {
  const dir = runDir(join(runs, recipe.name));
  const notices: string[] = [];
  const work = writeData(await passages(people), {
    curate: recipe.curate,
    config: recipe.curate.written!,
    steps: [],
    seed: recipe.seed,
    dir,
    env: {},
    fetch: globalThis.fetch,
    signal: new AbortController().signal,
  });
  for (;;) {
    const next = await work.next();
    if (!next.done) {
      if (next.value.type === "notice") notices.push(next.value.message);
      continue;
    }
    const { rows, pairs, stats, dropped } = next.value;
    const folder = dirname(dir.written);
    const files: Record<string, string> = {};
    for (const name of (await readdir(folder)).toSorted())
      files[name] = await readFile(join(folder, name), "utf8");
    return { rows, pairs, stats, dropped, notices, files };
  }
}

const [, script = "", file, runs = ""] = process.argv;
if (file !== undefined && import.meta.url === pathToFileURL(script).href)
  await writeOnce(parseRecipe(JSON.parse(await readFile(file, "utf8")), file), runs, 0);
