/** Opens the models of a run for generation: its base, and the base with the trained adapter. */
import { access, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Chat } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import { sha256 } from "../core/hash.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";
import { Decoder } from "../generate/decoder.ts";
import { type SamplingDefaults, createLocalChat } from "../generate/local-chat.ts";
import { PrefixCache } from "../generate/prefix-cache.ts";
import { Scheduler } from "../generate/scheduler.ts";
import type { Model } from "../models/folder.ts";
import { type Adapter, adapterHash, readAdapter } from "../models/peft.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { baseFolder } from "../train/base-stage.ts";
import { finalAdapter } from "../train/final-adapter.ts";
import { openBase } from "../train/open-base.ts";
import { checkAnswering } from "./answering-forecast.ts";
import { MOST_CONTEXT } from "./most-context.ts";

/** A model of a run that answers. */
export interface RunModel {
  name: "base" | "adapter";
  /** `<recipe>-base` and `<recipe>`. */
  id: string;
  /** The id of the base: an adapter's, or its own. */
  base: string;
  description: string;
  chat: Chat;
  contextTokens: number;
  /** Unix seconds at which it was trained. */
  created: number;
}

/** What both models of a run are made of. */
export interface RunParts {
  base: Model;
  /** Absent until the train stage has finished. */
  adapter: Adapter | undefined;
  tokenizer: Tokenizer;
  template: ChatTemplate;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Folders under `runs` in which `stage` is done, the one where that was last first. */
export async function listRuns(
  runs: string,
  stage: "curate" | "train" = "train",
): Promise<string[]> {
  const found: { folder: string; at: number }[] = [];
  for (const name of await readdir(runs).catch(() => [])) {
    const dir = runDir(join(runs, name));
    const done = await stat(dir.manifest(stage)).catch(() => undefined);
    if (done) found.push({ folder: dir.root, at: done.mtimeMs });
  }
  return found.toSorted((a, b) => b.at - a.at).map(({ folder }) => folder);
}

/** The run folder that was asked for, or the one where `stage` was done last. Throws `cli/no-run`. */
export async function findRun(
  folder: string | undefined,
  runs: string,
  stage: "curate" | "train" = "train",
): Promise<RunDir> {
  const done = await listRuns(runs, stage);
  const chosen = folder ?? done[0];
  if (chosen !== undefined && (await exists(runDir(chosen).recipe))) return runDir(chosen);
  throw new TwainError(
    "cli/no-run",
    chosen === undefined
      ? `no run in ${runs} has done its stage ${stage}`
      : `${chosen} is not a run: it has no recipe.json`,
    {
      hint:
        done.length > 0 ? `Runs that have: ${done.join(", ")}.` : "Make one: twainbot run nano.",
    },
  );
}

/** The recipe that a run was made with. */
export async function readRunRecipe(dir: RunDir): Promise<Recipe> {
  try {
    return parseRecipe(JSON.parse(await readFile(dir.recipe, "utf8")), dir.recipe);
  } catch (error) {
    if (error instanceof TwainError) throw error;
    throw new TwainError("cli/no-run", `cannot read ${dir.recipe}`, {
      hint: "Run the recipe again: finished stages are kept.",
      cause: error,
    });
  }
}

/** Reads the models of a run. Throws `cli/no-model` where the base is not there yet. */
export async function readRunParts(recipe: Recipe, dir: RunDir): Promise<RunParts> {
  const folder = baseFolder(recipe, dir);
  if (!(await readManifest(dir, "base"))) {
    throw new TwainError("cli/no-model", `${dir.root} has no base model yet`, {
      hint: `Run it first: twainbot run ${recipe.name}.`,
    });
  }
  // With the rounded weights that the adapter was trained beside, and as packed as they were then.
  const { model, tokenizer, template } = await openBase(folder, recipe.train.quantization, dir);
  const trained = await finalAdapter(recipe, dir);
  const adapter = trained === undefined ? undefined : await readAdapter(trained, model);
  return { base: model, adapter, tokenizer, template };
}

export interface OpenOptions {
  /** Sequences that one base and its adapters decode together. */
  slots: number;
  /** Bytes of prompts' beginnings that are kept; none where left out. */
  prefixBytes?: number;
  /** How tokens are chosen where a request does not say. */
  defaults?: SamplingDefaults;
}

interface OpenedRun {
  recipe: Recipe;
  dir: RunDir;
  parts: RunParts;
}

/** The runs by base: those whose weights are the same bytes share one model. */
async function readRuns(
  runs: readonly { recipe: Recipe; dir: RunDir }[],
): Promise<{ base: Model; runs: OpenedRun[] }[]> {
  const groups = new Map<string, { base: Model; runs: OpenedRun[] }>();
  for (const { recipe, dir } of runs) {
    const parts = await readRunParts(recipe, dir);
    const group = groups.get(parts.base.hash) ?? { base: parts.base, runs: [] };
    group.runs.push({ recipe, dir, parts: { ...parts, base: group.base } });
    groups.set(parts.base.hash, group);
  }
  return [...groups.values()];
}

/**
 * The models of runs: each run's adapter, where it has one, and every base once, named after the first run
 * that has it. One base's weights are held once, whatever the number of adapters, and requests for any of them
 * are decoded in one batch. Throws `generate/not-enough-memory` before any is read, and what `readRunParts` throws.
 */
export async function openRunModels(
  runs: readonly { recipe: Recipe; dir: RunDir }[],
  { slots, prefixBytes = 0, defaults }: OpenOptions,
): Promise<{ models: RunModel[]; close(): Promise<void> }> {
  await checkAnswering(runs, { slots, prefixBytes });
  const prefixes = new PrefixCache(prefixBytes);
  const models: RunModel[] = [];
  const schedulers: Scheduler[] = [];
  for (const { base, runs: group } of await readRuns(runs)) {
    const adapters = group.flatMap(({ parts: { adapter } }) => adapter ?? []);
    const decoder = new Decoder(base, { slots, contextTokens: MOST_CONTEXT, adapters });
    const scheduler = new Scheduler(decoder, prefixes);
    schedulers.push(scheduler);
    const model = async (
      name: RunModel["name"],
      { recipe, dir, parts: { tokenizer, template, adapter } }: OpenedRun,
    ): Promise<RunModel> => {
      const own = name === "adapter" ? adapter : undefined;
      const { mtimeMs } = await stat(dir.manifest(own ? "train" : "base"));
      return {
        name,
        id: own ? recipe.name : `${recipe.name}-base`,
        base: `${group[0]!.recipe.name}-base`,
        description: own ? recipe.description : `The base of ${recipe.name}, without its adapter`,
        created: Math.floor(mtimeMs / 1000),
        contextTokens: decoder.contextTokens,
        chat: createLocalChat({
          scheduler,
          tokenizer,
          template,
          defaults,
          adapter: own && adapters.indexOf(own),
          prefixKey: sha256(`${base.hash} ${own ? adapterHash(own) : "none"} ${template.hash}`),
        }),
      };
    };
    for (const run of group) if (run.parts.adapter) models.push(await model("adapter", run));
    models.push(await model("base", group[0]!));
  }
  return {
    models,
    async close() {
      for (const scheduler of schedulers) await scheduler.close();
    },
  };
}
