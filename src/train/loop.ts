/** The training loop: steps, validation, checkpoints, early stop. Knows no stage and no recipe file. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { appendText, writeFileAtomic } from "../core/atomic-file.ts";
import type { RunEvent, StageName } from "../core/events.ts";
import type { TrainingConfig } from "../core/recipe.ts";
import type { Example } from "../tokenizer/example.ts";
import { type Progress, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { packStream } from "./packing.ts";
import { learningRateAt } from "./schedule.ts";
import type { Trainer } from "./trainer.ts";

export interface LoopInputs {
  stage: StageName;
  trainer: Trainer;
  shapes: ReadonlyMap<string, readonly number[]>;
  /** A fresh endless stream from its beginning; called once, or once more on resume. */
  examples: () => () => Example;
  valid: readonly Example[];
  config: TrainingConfig;
  checkpoints: string;
  metrics: string;
  /** Of the work: a checkpoint of other work is not resumed. */
  fingerprint: string;
  signal: AbortSignal;
}

export interface LoopResult {
  /** Weights of the best validation. */
  best: Map<string, Float32Array>;
  bestLoss: number;
  bestStep: number;
  steps: number;
  /** Token slots run through the model, padding included. */
  tokens: number;
}

const copy = (weights: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> =>
  new Map([...weights].map(([name, data]) => [name, data.slice()]));

/** Metrics lines of steps after `step` belong to a future that a resume will write again. */
async function cutMetrics(path: string, step: number): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => "");
  const kept = text.split("\n").filter((line) => {
    const found = /"step":(\d+)/.exec(line);
    return found && line.endsWith("}") && Number(found[1]) <= step;
  });
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
}

/** Trains to `config.steps` or to an early stop, resuming exactly where a killed run of the same work was saved. */
export async function* trainLoop(inputs: LoopInputs): AsyncGenerator<RunEvent, LoopResult> {
  const { stage, trainer, config, signal } = inputs;
  await mkdir(dirname(inputs.metrics), { recursive: true });
  let progress: Progress = { bestLoss: Number.POSITIVE_INFINITY, bestStep: 0, sinceBest: 0 };
  let best = copy(trainer.state().weights);

  const { checkpoint, passedOver } = await loadCheckpoint(inputs.checkpoints, inputs.fingerprint);
  for (const message of passedOver) yield { type: "notice", stage, message };
  if (checkpoint) {
    trainer.restore(checkpoint.state);
    ({ progress, best } = checkpoint);
    yield { type: "notice", stage, message: `resumed after step ${trainer.step}` };
  }
  await cutMetrics(inputs.metrics, trainer.step);

  // The stream is a pure function of the seed: what the finished steps consumed is drawn again and dropped.
  const batches = packStream(inputs.examples(), config.microBatch, config.sequenceLength);
  const window = (): ReturnType<typeof batches.next>["value"][] =>
    Array.from({ length: config.gradientAccumulation }, () => batches.next().value);
  for (let skipped = 0; skipped < trainer.step; skipped++) window();

  const save = (): Promise<void> =>
    saveCheckpoint(
      inputs.checkpoints,
      { state: trainer.state(), progress, best },
      inputs.shapes,
      inputs.fingerprint,
      config.keepCheckpoints,
    );
  const validate = async (): Promise<number> => {
    const scored = await trainer.score(inputs.valid, signal);
    return (
      -scored.reduce((sum, row) => sum + row.sum, 0) /
      scored.reduce((sum, row) => sum + row.tokens, 0)
    );
  };

  let tokens =
    trainer.step * config.gradientAccumulation * config.microBatch * config.sequenceLength;
  const stopped = (): boolean => config.patience > 0 && progress.sinceBest >= config.patience;
  while (trainer.step < config.steps && !stopped()) {
    if (signal.aborted) {
      // Ctrl-C leaves time for this; a kill falls back to the last regular checkpoint.
      await save();
      signal.throwIfAborted();
    }
    const started = performance.now();
    const learningRate = learningRateAt(trainer.step + 1, config);
    const result = await trainer.train(window(), learningRate);
    tokens += result.tokens;
    const tokensPerSecond = Math.round(result.tokens / ((performance.now() - started) / 1000));
    const { step } = trainer;
    const line = {
      step,
      loss: result.loss,
      learningRate,
      gradNorm: result.gradNorm,
      tokens,
      tokensPerSecond,
    };
    await appendText(inputs.metrics, `${JSON.stringify(line)}\n`);
    yield {
      type: "train-step",
      stage,
      step,
      steps: config.steps,
      loss: result.loss,
      learningRate,
      gradNorm: result.gradNorm,
      tokensPerSecond,
    };

    if (step % config.validEvery === 0 || step === config.steps) {
      const loss = await validate();
      const isBest = loss < progress.bestLoss;
      progress = isBest
        ? { bestLoss: loss, bestStep: step, sinceBest: 0 }
        : { ...progress, sinceBest: progress.sinceBest + 1 };
      if (isBest) best = copy(trainer.state().weights);
      await appendText(inputs.metrics, `${JSON.stringify({ step, validLoss: loss })}\n`);
      yield { type: "valid", stage, step, loss, best: isBest };
      if (stopped())
        yield {
          type: "notice",
          stage,
          message: `stopped early: no better validation loss since step ${progress.bestStep}`,
        };
    }
    if (step % config.saveEvery === 0 || step === config.steps || stopped()) await save();
  }
  return {
    best,
    bestLoss: progress.bestLoss,
    bestStep: progress.bestStep,
    steps: trainer.step,
    tokens,
  };
}
