/**
 * Trains the adapter on plain text of the curated corpus before `train` shows it conversations (domain-adaptive
 * pretraining, Gururangan et al. 2020, arXiv 2004.10964, here with the base frozen).
 */
import type { RunEvent } from "../core/events.ts";
import { createRandom } from "../core/random.ts";
import type { DaptConfig, Recipe } from "../core/recipe.ts";
import type { Stage, StageContext, StageResult } from "../core/stage.ts";
import { requireDevice } from "../engine/index.ts";
import { initLora } from "../models/lora.ts";
import { writeAdapter } from "../models/peft.ts";
import type { Example } from "../tokenizer/example.ts";
import { adapterCard } from "./adapter-card.ts";
import { baseFolder, baseName } from "./base-stage.ts";
import { loraTrained, trainedShapes } from "./graphs.ts";
import { trainLoop } from "./loop.ts";
import { createMixture } from "./mixture.ts";
import { recipeTrackers } from "./mlflow.ts";
import { openBase } from "./open-base.ts";
import { packStream } from "./packing.ts";
import { readPlainText } from "./plain-text.ts";
import { Trainer } from "./trainer.ts";

/** The adapter is that of `train`, which goes on with it; so is the base beside it. */
type Config = DaptConfig &
  Pick<Recipe["train"], "lora" | "quantization"> & {
    /** Share of the texts kept back where none is of a work that the dataset's valid has. */
    validShare: number;
  };

const tokensOf = (examples: readonly Example[]): number =>
  examples.reduce((sum, { ids }) => sum + ids.length, 0);

async function* run(context: StageContext<Config>): AsyncGenerator<RunEvent, StageResult> {
  const { recipe, dir, signal, fingerprint, config } = context;
  const { lora } = config;
  await requireDevice(config.device, signal);
  const base = await openBase(baseFolder(recipe, dir), config.quantization, dir, signal);
  const { model } = base;
  const random = createRandom(recipe.seed).fork("dapt");
  const { byPersona, valid, counts, dropped } = await readPlainText(
    dir,
    config,
    base,
    random,
    signal,
  );
  const shares = Object.fromEntries(
    [...byPersona].map(([persona, examples]) => [persona, tokensOf(examples)]),
  );
  const mixture = config.mixture ?? shares;
  yield {
    type: "notice",
    stage: "dapt",
    message: `plain text: ${Object.entries(shares)
      .map(([persona, tokens]) => `${tokens.toLocaleString("en")} tokens ${persona}`)
      .join(", ")}; ${tokensOf(valid).toLocaleString("en")} kept back to validate`,
  };

  const trained = loraTrained(model, lora);
  const { modules } = trained;
  const start = initLora(modules, random.fork("init"), model.tensors);
  const trainer = new Trainer(model, trained, start, config, { random: random.fork("noise") });
  try {
    const next = createMixture(byPersona, mixture, random.fork("mixture"), "dapt.mixture");
    const rows = random.fork("valid").shuffle(valid).slice(0, config.validRows);
    const before = await trainer.validLoss(rows, signal);
    const result = yield* trainLoop({
      stage: "dapt",
      trainer,
      shapes: trainedShapes(model, trained),
      batches: packStream(next, config.microBatch, config.sequenceLength),
      validate: () => trainer.validLoss(rows, signal),
      config,
      files: dir.dapt,
      trackers: recipeTrackers(recipe, "dapt", config),
      fingerprint,
      signal,
    });
    const { bestLoss, bestStep } = result;
    yield {
      type: "notice",
      stage: "dapt",
      message:
        bestLoss < before
          ? `loss on the text kept back: ${before.toFixed(4)} of the base, ${bestLoss.toFixed(4)} at step ${bestStep}`
          : `the loss on the text kept back never fell below the base's ${before.toFixed(4)} (best ${bestLoss.toFixed(4)}): nothing was learnt that holds for it`,
    };
    const name = baseName(recipe);
    const card = adapterCard({
      recipe,
      baseName: name,
      modules: modules.length,
      parameters: trainer.trainableParameters,
      kind: "plain text (DAPT)",
      learningRate: config.learningRate,
      unit: "nats per token",
      ...result,
    });
    const outputs = await writeAdapter(dir.dapt.adapter, {
      lora,
      modules,
      tensors: result.best,
      baseName: name,
      card,
    });
    return {
      outputs,
      counts: {
        ...counts,
        parameters: trainer.trainableParameters,
        steps: result.steps,
        tokens: result.tokens,
        bestStep,
      },
      dropped,
    };
  } finally {
    await trainer.release();
  }
}

/** The section of the recipe; `runStage` is only called where it is there. */
function sectionOf(recipe: Recipe): DaptConfig {
  if (!recipe.dapt) throw new Error("the recipe has no dapt section");
  return recipe.dapt;
}

export const dapt: Stage<Config> = {
  name: "dapt",
  wanted: (recipe) => recipe.dapt !== undefined,
  needs: ["curate", "base"],
  config: (recipe) => ({
    ...sectionOf(recipe),
    lora: recipe.train.lora,
    quantization: recipe.train.quantization,
    validShare: recipe.curate.split.valid,
  }),
  run,
};
