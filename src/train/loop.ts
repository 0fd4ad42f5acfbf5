/** The training loop: steps, validation, checkpoints, early stop. Knows no stage and no recipe file. */
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { appendText, writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError, isAbort } from "../core/errors.ts";
import type { RunEvent, StageName } from "../core/events.ts";
import type { TrainingConfig } from "../core/recipe.ts";
import type { TrainingFiles } from "../core/run-dir.ts";
import { type Progress, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { PackedBatch } from "./packing.ts";
import { learningRateAt } from "./schedule.ts";
import { openTensorboard } from "./tensorboard.ts";
import type { Tracker } from "./tracker.ts";
import type { Trainer } from "./trainer.ts";
import { badStep, createWatchdog } from "./watchdog.ts";

export interface LoopInputs {
  stage: StageName;
  trainer: Trainer;
  shapes: ReadonlyMap<string, readonly number[]>;
  /** A fresh endless stream: a pure function of the seed, for a resume draws again what was used. */
  batches: Iterator<PackedBatch, never>;
  /** The loss that decides which weights are best. */
  validate: () => Promise<number>;
  config: TrainingConfig;
  files: TrainingFiles;
  /** Of the work: a checkpoint of other work is not resumed. */
  fingerprint: string;
  /** Besides metrics.jsonl and TensorBoard's files. */
  trackers?: readonly Tracker[];
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

/** Drops metrics lines of steps after `step`, which a resume will write again; returns the losses that stay. */
async function cutMetrics(path: string, step: number): Promise<number[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const kept = text.split("\n").filter((line) => {
    const found = /"step":(\d+)/.exec(line);
    return found && line.endsWith("}") && Number(found[1]) <= step;
  });
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(""));
  return kept.flatMap((line) => {
    const loss = /"loss":([-+.\de]+)/.exec(line)?.[1];
    return loss === undefined ? [] : Number(loss);
  });
}

/**
 * Trains to `config.steps` or to an early stop, resuming exactly where a killed run of the same work was
 * saved. Throws `train/bad-loss` and `train/diverged`, which name a file with the batch.
 */
export async function* trainLoop(inputs: LoopInputs): AsyncGenerator<RunEvent, LoopResult> {
  const { stage, trainer, config, files, signal, batches } = inputs;
  await mkdir(dirname(files.metrics), { recursive: true });
  let progress: Progress = { bestLoss: Number.POSITIVE_INFINITY, bestStep: 0, sinceBest: 0 };
  let best = copy(trainer.state().weights);

  const { checkpoint, passedOver } = await loadCheckpoint(files.checkpoints, inputs.fingerprint);
  for (const message of passedOver) yield { type: "notice", stage, message };
  if (checkpoint) {
    trainer.restore(checkpoint.state);
    ({ progress, best } = checkpoint);
    yield { type: "notice", stage, message: `resumed after step ${trainer.step}` };
  }
  const watch = createWatchdog(config.watchdog);
  for (const loss of await cutMetrics(files.metrics, trainer.step)) watch(loss);

  // What the finished steps consumed is drawn again and dropped.
  const window = (): PackedBatch[] =>
    Array.from({ length: config.gradientAccumulation }, () => batches.next().value);
  for (let skipped = 0; skipped < trainer.step; skipped++) window();

  const save = (): Promise<void> =>
    saveCheckpoint(
      files.checkpoints,
      { state: trainer.state(), progress, best },
      inputs.shapes,
      inputs.fingerprint,
      config.keepCheckpoints,
    );
  const trackers = [
    await openTensorboard(files.tensorboard, trainer.step),
    ...(inputs.trackers ?? []),
  ];
  /** Writes a line of metrics.jsonl, and the same numbers to the trackers under `prefix`. */
  async function* log(
    prefix: string,
    line: { step: number } & Record<string, number>,
    scalars: Record<string, number>,
  ): AsyncGenerator<RunEvent> {
    await appendText(files.metrics, `${JSON.stringify(line)}\n`);
    const tagged = Object.fromEntries(
      Object.entries(scalars).map(([name, number]) => [`${prefix}/${name}`, number]),
    );
    for (const tracker of trackers) {
      const message = await tracker.log(line.step, tagged);
      if (message !== undefined) yield { type: "notice", stage, message };
    }
  }
  async function* close(outcome: Parameters<Tracker["close"]>[0]): AsyncGenerator<RunEvent> {
    for (const tracker of trackers) {
      const message = await tracker.close(outcome);
      if (message !== undefined) yield { type: "notice", stage, message };
    }
  }

  let tokens =
    trainer.step * config.gradientAccumulation * config.microBatch * config.sequenceLength;
  const stopped = (): boolean => config.patience > 0 && progress.sinceBest >= config.patience;
  try {
    while (trainer.step < config.steps && !stopped()) {
      if (signal.aborted) {
        // Ctrl-C leaves time for this; a kill falls back to the last regular checkpoint.
        await save();
        signal.throwIfAborted();
      }
      const started = performance.now();
      const learningRate = learningRateAt(trainer.step + 1, config);
      const used = window();
      const result = await trainer.train(used, learningRate).catch(async (error: unknown) => {
        if (!(error instanceof TwainError) || error.code !== "train/bad-loss") throw error;
        const facts = { step: trainer.step + 1, problem: error.message };
        throw await badStep("train/bad-loss", files.badBatch, facts, used);
      });
      tokens += result.tokens;
      const tokensPerSecond = Math.round(result.tokens / ((performance.now() - started) / 1000));
      const { step } = trainer;
      const { loss, gradNorm, metrics } = result;
      yield* log(
        "train",
        { step, loss, learningRate, gradNorm, tokens, tokensPerSecond, ...metrics },
        { loss, learningRate, gradNorm, tokensPerSecond, ...metrics },
      );
      yield {
        type: "train-step",
        stage,
        step,
        steps: config.steps,
        loss,
        learningRate,
        gradNorm,
        tokensPerSecond,
        ...(Object.keys(metrics).length > 0 && { metrics }),
      };
      const problem = watch(loss);
      if (problem !== undefined)
        throw await badStep("train/diverged", files.badBatch, { step, problem }, used);

      if (step % config.validEvery === 0 || step === config.steps) {
        const validLoss = await inputs.validate();
        const isBest = validLoss < progress.bestLoss;
        progress = isBest
          ? { bestLoss: validLoss, bestStep: step, sinceBest: 0 }
          : { ...progress, sinceBest: progress.sinceBest + 1 };
        if (isBest) best = copy(trainer.state().weights);
        yield* log("valid", { step, validLoss }, { loss: validLoss });
        yield { type: "valid", stage, step, loss: validLoss, best: isBest };
        if (stopped())
          yield {
            type: "notice",
            stage,
            message: `stopped early: no better validation loss since step ${progress.bestStep}`,
          };
      }
      if (step % config.saveEvery === 0 || step === config.steps || stopped()) await save();
    }
  } catch (error) {
    yield* close(isAbort(error) ? "stopped" : "failed");
    throw error;
  }
  yield* close("finished");
  return {
    best,
    bestLoss: progress.bestLoss,
    bestStep: progress.bestStep,
    steps: trainer.step,
    tokens,
  };
}
