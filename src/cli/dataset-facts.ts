/** What training will see: rows by domain, their lengths, how well they pack, how many weights move. */
import type { Conversation } from "../core/conversation.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { readManifest } from "../core/stage.ts";
import { loraModules, loraShapes } from "../models/lora.ts";
import { type ChatTemplate, loadChatTemplate } from "../tokenizer/chat-template.ts";
import { type Example, encodeConversation } from "../tokenizer/example.ts";
import { type Tokenizer, loadTokenizer } from "../tokenizer/tokenizer.ts";
import { baseFolder } from "../train/base-stage.ts";
import { readRows } from "../train/dataset.ts";
import { knownConfig } from "../train/known-config.ts";
import { packOnce } from "../train/packing.ts";

export interface Encoder {
  tokenizer: Tokenizer;
  template: ChatTemplate;
}

/** The base's tokenizer and template; undefined while a base that is still to be trained is not there. */
export async function openEncoder(recipe: Recipe, dir: RunDir): Promise<Encoder | undefined> {
  if (recipe.base.kind !== "folder" && !(await readManifest(dir, "base"))) return undefined;
  const folder = baseFolder(recipe, dir);
  const tokenizer = await loadTokenizer(folder);
  return { tokenizer, template: await loadChatTemplate(folder, tokenizer) };
}

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Weights of the base and of the adapter; undefined where nothing is known yet of a base from a hub. */
export async function parameterCounts(
  recipe: Recipe,
  dir: RunDir,
): Promise<{ base: number; trained: number } | undefined> {
  const model = await knownConfig(recipe, dir);
  if (!model) return undefined;
  const parameters = model.architecture.parameters(model.config);
  const shapes = loraShapes(loraModules(parameters, recipe.train.lora));
  const total = (all: Iterable<readonly number[]>): number =>
    [...all].reduce((sum, shape) => sum + size(shape), 0);
  return {
    base: total([...parameters.values()].map(({ shape }) => shape)),
    trained: total(shapes.values()),
  };
}

export interface LengthFacts {
  /** Rows that training will use, and those that are too long for it. */
  rows: number;
  tooLong: number;
  tokens: number;
  trainedTokens: number;
  longest: number;
  median: number;
  /** Rows in bins of equal width up to the longest. */
  histogram: { upTo: number; rows: number }[];
  /** Share of a packed batch that is not padding. */
  packing: number;
  /** Rows that packing left out, and rows that it put into batches more than once. */
  lost: number;
  twice: number;
  /** How often the recipe's steps go through the rows. */
  epochs: number;
}

const BINS = 10;

/** Lengths in tokens, and what packing makes of them. */
export function lengthFacts(examples: readonly Example[], config: Recipe["train"]): LengthFacts {
  const { sequenceLength, microBatch, gradientAccumulation, steps } = config;
  const fitting = examples.filter((example) => example.ids.length <= sequenceLength);
  const lengths = examples.map((example) => example.ids.length).toSorted((a, b) => a - b);
  const longest = lengths.at(-1) ?? 0;
  const width = Math.max(1, Math.ceil(longest / BINS));
  const tokens = fitting.reduce((sum, example) => sum + example.ids.length, 0);
  let slots = 0;
  const placed = new Map<Example, number>();
  for (const batch of packOnce(fitting, microBatch, sequenceLength)) {
    slots += sequenceLength * new Set(batch.placements.map(({ row }) => row)).size;
    for (const { example } of batch.placements) placed.set(example, (placed.get(example) ?? 0) + 1);
  }
  const packing = slots === 0 ? 0 : tokens / slots;
  return {
    rows: fitting.length,
    tooLong: examples.length - fitting.length,
    tokens,
    trainedTokens: fitting.reduce(
      (sum, example) => sum + example.trained.reduce((a, b) => a + b, 0),
      0,
    ),
    longest,
    median: lengths[Math.floor(lengths.length / 2)] ?? 0,
    histogram: Array.from({ length: BINS }, (_, i) => ({
      upTo: (i + 1) * width,
      rows: lengths.filter((length) => length > i * width && length <= (i + 1) * width).length,
    })).filter((bin, i) => bin.rows > 0 || i * width < longest),
    packing,
    lost: fitting.filter((example) => !placed.has(example)).length,
    twice: [...placed.values()].filter((times) => times > 1).length,
    epochs:
      tokens === 0
        ? 0
        : (steps * gradientAccumulation * microBatch * sequenceLength * packing) / tokens,
  };
}

/** Rows of a file by domain, and all of them. */
export async function readDataset(
  path: string,
): Promise<{ rows: Conversation[]; byDomain: Record<string, number> }> {
  const rows: Conversation[] = [];
  const byDomain: Record<string, number> = {};
  for await (const row of readRows(path)) {
    rows.push(row);
    byDomain[row.tags.domain] = (byDomain[row.tags.domain] ?? 0) + 1;
  }
  return { rows, byDomain };
}

export const encodeAll = (
  rows: readonly Conversation[],
  { tokenizer, template }: Encoder,
): Example[] => rows.map((row) => encodeConversation(row, tokenizer, template));

/** A row as the model will read it, in stretches that are trained or not. */
export function stretches(
  example: Example,
  tokenizer: Tokenizer,
): { text: string; trained: boolean }[] {
  const found: { text: string; trained: boolean }[] = [];
  const decoder = tokenizer.createDecoder();
  for (const [i, id] of example.ids.entries()) {
    const trained = example.trained[i] === 1;
    const text = decoder.push(id);
    const last = found.at(-1);
    if (last?.trained === trained) last.text += text;
    else found.push({ text, trained });
  }
  return found;
}
