/** What evaluation compares: the base of a run, and the base with its adapter. */
import type { Chat } from "../core/chat.ts";
import type { Conversation } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { RowLogProb, System } from "../evals/system.ts";
import { Decoder } from "../generate/decoder.ts";
import { createLocalChat } from "../generate/local-chat.ts";
import { Scheduler } from "../generate/scheduler.ts";
import type { Model } from "../models/folder.ts";
import { type Adapter, mergeAdapter } from "../models/peft.ts";
import { type Example, encodeConversation } from "../tokenizer/example.ts";
import { Trainer } from "../train/trainer.ts";
import { mergesAdapter } from "./merges-adapter.ts";
import { MOST_CONTEXT } from "./most-context.ts";
import { type RunParts, readRunParts } from "./open-run.ts";
import { takeTurns } from "./take-turns.ts";

/** Lengths above the recipe's are rounded up to a multiple of this, so that few graphs are compiled. */
const LENGTH_STEP = 128;

interface Scorer {
  score(rows: readonly Conversation[], signal: AbortSignal): Promise<(RowLogProb | undefined)[]>;
  close(): Promise<void>;
}

/** Scores rows with the very graphs that training uses, so that its loss and the report's are one number. */
function createScorer(
  { base, tokenizer, template }: RunParts,
  adapter: Adapter,
  config: Recipe["train"],
): Scorer {
  const { modules, tensors } = adapter;
  const trainers = new Map<number, Trainer>();
  const trainerFor = (length: number): Trainer => {
    let trainer = trainers.get(length);
    if (!trainer) {
      trainer = new Trainer(base, { kind: "lora", modules }, tensors, {
        ...config,
        sequenceLength: length,
      });
      trainers.set(length, trainer);
    }
    return trainer;
  };
  const most = base.config.max_position_embeddings;
  /** Rows are never cut: those longer than in training get longer graphs, those longer than the context none. */
  const lengthFor = (example: Example): number | undefined => {
    const tokens = example.ids.length;
    if (tokens > most) return undefined;
    return tokens <= config.sequenceLength
      ? config.sequenceLength
      : Math.min(most, Math.ceil(tokens / LENGTH_STEP) * LENGTH_STEP);
  };
  /** What bits per byte are counted over: the text that the trained tokens spell. */
  const trainedBytes = (example: Example): number => {
    const ids = [...example.ids].filter((_, i) => example.trained[i] === 1);
    return Buffer.byteLength(tokenizer.decode(ids, { skipSpecial: true }));
  };
  return {
    async score(rows, signal) {
      const examples = rows.map((row) => encodeConversation(row, tokenizer, template));
      const results = new Map<Example, RowLogProb>();
      for (const length of new Set(examples.map(lengthFor))) {
        if (length === undefined) continue;
        const group = examples.filter((example) => lengthFor(example) === length);
        const scored = await trainerFor(length).score(group, signal);
        for (const [i, example] of group.entries())
          results.set(example, { ...scored[i]!, bytes: trainedBytes(example) });
      }
      return examples.map((example) => results.get(example));
    },
    async close() {
      for (const trainer of trainers.values()) await trainer.release();
    },
  };
}

/** Answers of base and adapter. */
interface Chats {
  readonly base: Chat;
  readonly adapter: Chat;
  close(): Promise<void>;
}

/** One model with the adapter beside it, or where that is quicker two. */
function openChats(parts: RunParts, adapter: Adapter, slots: number, merged: boolean): Chats {
  const { base, tokenizer, template } = parts;
  const scheduler = (model: Model, adapters: readonly Adapter[] = []): Scheduler =>
    new Scheduler(new Decoder(model, { slots, contextTokens: MOST_CONTEXT, adapters }));
  if (!merged) {
    const both = scheduler(base, [adapter]);
    return {
      base: createLocalChat({ scheduler: both, tokenizer, template }),
      adapter: createLocalChat({ scheduler: both, tokenizer, template, adapter: 0 }),
      close: () => both.close(),
    };
  }
  const [plain, folded] = [scheduler(base), scheduler(mergeAdapter(base, adapter))];
  return {
    base: createLocalChat({ scheduler: plain, tokenizer, template }),
    adapter: createLocalChat({ scheduler: folded, tokenizer, template }),
    async close() {
      await plain.close();
      await folded.close();
    },
  };
}

/**
 * `base`, then `adapter`, as `createEvaluate` wants them. What scores and what answers is opened when it is needed and
 * closed for the next. Throws `cli/no-model` for a run without them.
 */
export async function openSystems(
  recipe: Recipe,
  dir: RunDir,
  merges: typeof mergesAdapter = mergesAdapter,
): Promise<System[]> {
  const parts = await readRunParts(recipe, dir);
  const { base, adapter } = parts;
  if (!adapter)
    throw new TwainError("cli/no-model", `${dir.root} has no adapter yet`, {
      hint: `Train it first: twainbot train ${recipe.name}.`,
    });
  const none: Adapter = { ...adapter, modules: [], tensors: new Map() };
  const turns = takeTurns();
  const chats = turns.lazily(() =>
    openChats(parts, adapter, recipe.evaluate.concurrency, merges(base)),
  );
  const system = (name: "base" | "adapter", weights: Adapter): System => {
    const scorer = turns.lazily(() => createScorer(parts, weights, recipe.train));
    return {
      name,
      async *chat(messages, options) {
        return yield* (await chats())[name](messages, options);
      },
      logProbs: async (rows, signal) => (await scorer()).score(rows, signal),
      close: () => turns.close(),
    };
  };
  return [system("base", none), system("adapter", adapter)];
}
