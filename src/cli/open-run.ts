/** Opens the models of a run for generation: its base, and the base with the trained adapter. */
import { access, readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Chat } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";
import { Decoder } from "../generate/decoder.ts";
import { createLocalChat } from "../generate/local-chat.ts";
import { Scheduler } from "../generate/scheduler.ts";
import { type Model, readModel } from "../models/folder.ts";
import { type Adapter, mergeAdapter, readAdapter } from "../models/peft.ts";
import { quantizeFolder } from "../models/quantize/quantize-folder.ts";
import { dequantizeModel } from "../models/quantize/quantized-model.ts";
import { type ChatTemplate, loadChatTemplate } from "../tokenizer/chat-template.ts";
import { type Tokenizer, loadTokenizer } from "../tokenizer/tokenizer.ts";
import { baseFolder } from "../train/base-stage.ts";
import { finalAdapter } from "../train/final-adapter.ts";

/** The cache of keys and values is allocated whole: a model made for 128k tokens would take all memory. */
const MOST_CONTEXT = 4096;

/** A model of a run that answers. */
export interface RunModel {
  name: "base" | "adapter";
  /** `<recipe>-base` and `<recipe>`. */
  id: string;
  chat: Chat;
  contextTokens: number;
  /** Unix seconds at which it was trained. */
  created: number;
  close(): Promise<void>;
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

/** Folders under `runs` that hold a recipe, the one worked on last first. */
export async function listRuns(runs: string): Promise<string[]> {
  const found: { folder: string; at: number }[] = [];
  for (const name of await readdir(runs).catch(() => [])) {
    const dir = runDir(join(runs, name));
    const trained = await stat(dir.manifest("train")).catch(() => undefined);
    if (trained) found.push({ folder: dir.root, at: trained.mtimeMs });
  }
  return found.toSorted((a, b) => b.at - a.at).map(({ folder }) => folder);
}

/** The run folder that was asked for, or the one trained last. Throws `cli/no-run`. */
export async function findRun(folder: string | undefined, runs: string): Promise<RunDir> {
  const trained = await listRuns(runs);
  const chosen = folder ?? trained[0];
  if (chosen !== undefined && (await exists(runDir(chosen).recipe))) return runDir(chosen);
  throw new TwainError(
    "cli/no-run",
    chosen === undefined
      ? `no trained run in ${runs}`
      : `${chosen} is not a run: it has no recipe.json`,
    {
      hint:
        trained.length > 0
          ? `Trained runs: ${trained.join(", ")}.`
          : "Make one: twainbot run nano.",
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
  // With the rounded weights that the adapter was trained beside, base and merged model alike.
  const { quantization } = recipe.train;
  const base =
    quantization === "none"
      ? await readModel(folder)
      : dequantizeModel(await quantizeFolder(folder, quantization, { cache: dir.quantized }));
  const tokenizer = await loadTokenizer(folder);
  const template = await loadChatTemplate(folder, tokenizer);
  const trained = await finalAdapter(recipe, dir);
  const adapter = trained === undefined ? undefined : await readAdapter(trained, base);
  return { base, adapter, tokenizer, template };
}

/** A chat over one model; `slots` sequences are decoded together. */
export function openModel(
  model: Model,
  parts: RunParts,
  slots: number,
): { chat: Chat; contextTokens: number; close(): Promise<void> } {
  const decoder = new Decoder(model, { slots, contextTokens: MOST_CONTEXT });
  const scheduler = new Scheduler(decoder);
  const { tokenizer, template } = parts;
  return {
    chat: createLocalChat({ scheduler, tokenizer, template }),
    contextTokens: decoder.contextTokens,
    close: () => scheduler.close(),
  };
}

/** The models of a run, the adapter first where there is one. */
export async function openRunModels(
  recipe: Recipe,
  dir: RunDir,
  options: { slots: number },
): Promise<RunModel[]> {
  const parts = await readRunParts(recipe, dir);
  const created = async (stage: "base" | "train"): Promise<number> =>
    Math.floor((await stat(dir.manifest(stage))).mtimeMs / 1000);
  const models: RunModel[] = [];
  if (parts.adapter) {
    const merged = mergeAdapter(parts.base, parts.adapter);
    models.push({
      name: "adapter",
      id: recipe.name,
      created: await created("train"),
      ...openModel(merged, parts, options.slots),
    });
  }
  models.push({
    name: "base",
    id: `${recipe.name}-base`,
    created: await created("base"),
    ...openModel(parts.base, parts, options.slots),
  });
  return models;
}
