/** Trains the LoRA adapter of a recipe on its dataset and writes it in PEFT's format. */
import type { RunEvent } from "../core/events.ts";
import { createRandom } from "../core/random.ts";
import type { Recipe } from "../core/recipe.ts";
import type { Stage, StageContext, StageResult } from "../core/stage.ts";
import { requireDevice } from "../engine/index.ts";
import { checkPatterns, initLora, loraModules } from "../models/lora.ts";
import { readAdapter, writeAdapter } from "../models/peft.ts";
import { adapterCard } from "./adapter-card.ts";
import { baseFolder, baseName } from "./base-stage.ts";
import { encodeDataset, sampleExamples } from "./dataset.ts";
import { loraTrained, trainedShapes } from "./graphs.ts";
import { knownConfig } from "./known-config.ts";
import { trainLoop } from "./loop.ts";
import { createMixture } from "./mixture.ts";
import { recipeTrackers } from "./mlflow.ts";
import { openBase } from "./open-base.ts";
import { packStream } from "./packing.ts";
import { Trainer } from "./trainer.ts";

async function* run(context: StageContext<Recipe["train"]>): AsyncGenerator<RunEvent, StageResult> {
  const { recipe, config, dir, signal, fingerprint } = context;
  await requireDevice(config.device, signal);
  const { model, tokenizer, template } = await openBase(
    baseFolder(recipe, dir),
    config.quantization,
    dir,
    signal,
  );
  const train = await encodeDataset(
    dir.dataset.train,
    tokenizer,
    template,
    config.sequenceLength,
    signal,
  );
  const valid = await encodeDataset(
    dir.dataset.valid,
    tokenizer,
    template,
    config.sequenceLength,
    signal,
  );
  for (const [reason, count] of Object.entries(train.dropped)) {
    yield {
      type: "notice",
      stage: "train",
      message: `${count} of ${train.rows} training rows left out: ${reason} (${config.sequenceLength} tokens)`,
    };
  }

  const random = createRandom(recipe.seed).fork("train");
  const { lora } = config;
  const trained = loraTrained(model, lora);
  const { modules } = trained;
  const start = recipe.dapt
    ? (await readAdapter(dir.dapt.adapter, model)).tensors
    : initLora(modules, random.fork("init"), model.tensors);
  const trainer = new Trainer(model, trained, start, config, { random: random.fork("noise") });
  yield {
    type: "notice",
    stage: "train",
    message: `LoRA rank ${lora.rank} on ${modules.length} layers: ${trainer.trainableParameters.toLocaleString("en")} trained parameters${recipe.dapt ? ", as dapt left them" : ""}`,
  };
  try {
    const mixture = createMixture(train.byDomain, config.mixture, random.fork("mixture"));
    const rows = sampleExamples(valid, config.validRows, random.fork("valid").shuffle);
    const result = yield* trainLoop({
      stage: "train",
      trainer,
      shapes: trainedShapes(model, trained),
      batches: packStream(mixture, config.microBatch, config.sequenceLength),
      validate: () => trainer.validLoss(rows, signal),
      config,
      files: dir.train,
      trackers: recipeTrackers(recipe, "train", config),
      fingerprint,
      signal,
    });
    const base = baseName(recipe);
    const card = adapterCard({
      recipe,
      baseName: base,
      modules: modules.length,
      parameters: trainer.trainableParameters,
      kind: `supervised${recipe.dapt ? " after plain text (DAPT)" : ""}`,
      learningRate: config.learningRate,
      unit: "nats per trained token",
      ...result,
    });
    const outputs = await writeAdapter(dir.train.adapter, {
      lora,
      modules,
      tensors: result.best,
      baseName: base,
      card,
    });
    return {
      outputs,
      counts: {
        parameters: trainer.trainableParameters,
        rows: train.rows,
        steps: result.steps,
        tokens: result.tokens,
        bestStep: result.bestStep,
      },
      dropped: train.dropped,
    };
  } finally {
    await trainer.release();
  }
}

export const train: Stage<Recipe["train"]> = {
  name: "train",
  needs: ["curate", "base"],
  alsoNeeds: (recipe) => (recipe.dapt ? ["dapt"] : []),
  config: (recipe) => recipe.train,
  async check(recipe, dir) {
    const base = await knownConfig(recipe, dir);
    if (!base) return;
    const { lora } = recipe.train;
    checkPatterns(loraModules(base.architecture.parameters(base.config), lora), lora);
  },
  run,
};
