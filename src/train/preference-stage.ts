/** Trains the adapter on preferences after its supervised training (DPO), with a schedule of its own. */
import { join } from "node:path";
import type { RunEvent } from "../core/events.ts";
import { hashFile, sha256 } from "../core/hash.ts";
import { createRandom } from "../core/random.ts";
import type { PreferenceConfig, Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Stage, StageContext, StageResult } from "../core/stage.ts";
import { requireDevice } from "../engine/index.ts";
import { readAdapter, writeAdapter } from "../models/peft.ts";
import { adapterCard } from "./adapter-card.ts";
import { baseFolder, baseName } from "./base-stage.ts";
import { trainedShapes } from "./graphs.ts";
import { trainLoop } from "./loop.ts";
import { recipeTrackers } from "./mlflow.ts";
import { openBase } from "./open-base.ts";
import {
  type EncodedPair,
  checkPreferenceFile,
  encodePreferences,
  readPreferenceFile,
  scorePairs,
  withReferences,
} from "./preference-data.ts";
import {
  type Pair,
  meanPreferenceLoss,
  packPairs,
  preferenceLoss,
  preferenceMargin,
} from "./preference-loss.ts";
import { splitByKey } from "./split-by-key.ts";
import { Trainer } from "./trainer.ts";

type Config = PreferenceConfig & { lora: Recipe["train"]["lora"] };

const tokensOf = (pairs: readonly Pair[], side: "chosen" | "rejected"): number =>
  pairs.reduce((total, pair) => total + pair[side].ids.length, 0);

async function* run(context: StageContext<Config>): AsyncGenerator<RunEvent, StageResult> {
  const { recipe, dir, signal, fingerprint } = context;
  const { lora, ...config } = context.config;
  await requireDevice(config.device, signal);
  const { model, tokenizer, template } = await openBase(
    baseFolder(recipe, dir),
    recipe.train.quantization,
    dir,
    signal,
  );
  const start = await readAdapter(dir.train.adapter, model);
  const random = createRandom(recipe.seed).fork("preference");
  const { pairs, rows, dropped } = await encodePreferences(
    dir.dataset.preference,
    tokenizer,
    template,
    config.sequenceLength,
    signal,
  );
  for (const [reason, count] of Object.entries(dropped))
    yield {
      type: "notice",
      stage: "preference",
      message: `${count} of ${rows} preference rows left out: ${reason}`,
    };

  // No dropout, as in TRL: the policy would differ from its reference before it has learnt anything.
  const trained = { kind: "lora", modules: start.modules, plusRatio: lora.plusRatio } as const;
  const reference = new Trainer(model, trained, start.tensors, config);
  const adapterHash = (await hashFile(join(dir.train.adapter, "adapter_model.safetensors"))).sha256;
  let known: (EncodedPair & Pair)[];
  try {
    known = yield* withReferences(
      reference,
      pairs,
      { base: model.hash, adapter: adapterHash },
      dir.preference.reference,
      signal,
    );
  } finally {
    await reference.release();
  }
  const { train, valid } = splitByKey(known, config.validShare, random.fork("split"));
  yield {
    type: "notice",
    stage: "preference",
    message: `DPO on ${train.length} pairs (${tokensOf(train, "chosen")} tokens chosen, ${tokensOf(train, "rejected")} rejected), ${valid.length} to validate, beta ${config.beta}`,
  };

  const trainer = new Trainer(model, trained, start.tensors, config, {
    objective: preferenceLoss(known, config.beta),
  });
  try {
    const order = random.fork("order");
    let queue: Pair[] = [];
    const next = (): Pair => {
      if (queue.length === 0) queue = order.shuffle(train);
      return queue.pop()!;
    };
    const some = random.fork("valid").shuffle(valid).slice(0, config.validRows);
    let best: { loss: number; margin: number; accuracy: number } | undefined;
    const result = yield* trainLoop({
      stage: "preference",
      trainer,
      shapes: trainedShapes(model, trained),
      batches: packPairs(next, config.microBatch, config.sequenceLength),
      validate: async () => {
        const scores = await scorePairs(trainer, some, signal);
        const loss = meanPreferenceLoss(some, scores, config.beta);
        if (loss < (best?.loss ?? Number.POSITIVE_INFINITY))
          best = { loss, ...preferenceMargin(some, scores, config.beta) };
        return loss;
      },
      config,
      files: dir.preference,
      trackers: recipeTrackers(recipe, "preference", config),
      fingerprint,
      signal,
    });
    // Of a run that was resumed after its best step nothing is known but the loss.
    if (best?.loss === result.bestLoss)
      yield {
        type: "notice",
        stage: "preference",
        message: `on ${some.length} pairs kept back the margin of rewards is ${best.margin.toFixed(3)} (0 at the start), and ${(100 * best.accuracy).toFixed(1)} % have the better answer ahead`,
      };
    if (result.bestLoss >= Math.LN2)
      yield {
        type: "notice",
        stage: "preference",
        message: `the loss on rows kept back never fell below ln 2 (best ${result.bestLoss.toFixed(4)}): nothing was learnt that holds for them`,
      };
    const base = baseName(recipe);
    const card = adapterCard({
      recipe,
      baseName: base,
      modules: start.modules.length,
      parameters: trainer.trainableParameters,
      kind: `DPO (beta ${config.beta}) after supervised training`,
      learningRate: config.learningRate,
      unit: "a pair",
      ...result,
    });
    const outputs = await writeAdapter(dir.preference.adapter, {
      lora,
      modules: start.modules,
      tensors: result.best,
      baseName: base,
      card,
    });
    return {
      outputs,
      counts: {
        pairs: train.length,
        validPairs: valid.length,
        steps: result.steps,
        tokens: result.tokens,
        bestStep: result.bestStep,
      },
      dropped,
    };
  } finally {
    await trainer.release();
  }
}

/** The section of the recipe; `runStage` is only called where it is there. */
function sectionOf(recipe: Recipe): PreferenceConfig {
  if (!recipe.preference) throw new Error("the recipe has no preference section");
  return recipe.preference;
}

export const preference: Stage<Config> = {
  name: "preference",
  wanted: (recipe) => recipe.preference !== undefined,
  needs: ["base", "train"],
  config: (recipe) => ({ ...sectionOf(recipe), lora: recipe.train.lora }),
  // Where curate makes the rows, it tells when there are too few.
  check: async (recipe, dir) => {
    if (!recipe.curate.preference) await checkPreferenceFile(dir.dataset.preference);
  },
  // The file may come from elsewhere than curate.
  inputs: async (_config, dir: RunDir) => sha256(await readPreferenceFile(dir.dataset.preference)),
  run,
};
