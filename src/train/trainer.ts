/** Holds the weights, the optimizer state and the compiled graphs of one training run. */
import { TwainError } from "../core/errors.ts";
import { type Random, createRandom } from "../core/random.ts";
import type { TrainingConfig } from "../core/recipe.ts";
import {
  type Device,
  type Feed,
  type Program,
  type Resident,
  type Value,
  compile,
  upload,
  value,
} from "../engine/index.ts";
import type { Model } from "../models/folder.ts";
import { frozenFeeds } from "../models/quantize/quantized-model.ts";
import { ropeTable } from "../models/rope-table.ts";
import type { Example } from "../tokenizer/example.ts";
import { dropoutNumbers } from "./dropout.ts";
import {
  type BatchShape,
  type Trained,
  type Training,
  muonNames,
  scores,
  trainedShapes,
} from "./graphs.ts";
import { embeddingNoise } from "./neftune.ts";
import { type Objective, nextToken } from "./objective.ts";
import { type PackedBatch, packOnce } from "./packing.ts";
import {
  type UpdateGroup,
  gradientNorm,
  gradientScale,
  updateGraph,
  updateGroups,
} from "./update.ts";

/** What an optimizer step needs to go on exactly: weights and moments by name; Muon keeps no second one. */
export interface TrainerState {
  step: number;
  weights: Map<string, Float32Array>;
  m: Map<string, Float32Array>;
  v: Map<string, Float32Array>;
}

export type TrainerConfig = Pick<
  TrainingConfig,
  | "sequenceLength"
  | "microBatch"
  | "beta1"
  | "beta2"
  | "epsilon"
  | "weightDecay"
  | "gradientClip"
  | "recompute"
> & {
  /** Strength of NEFTune's noise. */
  neftuneAlpha?: number;
  /** AdamW where it is left out. */
  optimizer?: TrainingConfig["optimizer"];
  /** Where losses, gradients and scores are computed; the optimizer's step is always the CPU's. */
  device?: Exclude<Device, "cuda">;
};

export interface TrainerOptions {
  /** Where dropout and noise come from; each step forks it by its number, so it has no state to save. */
  random?: Random;
  /** The next token where it is left out. */
  objective?: Objective;
}

/** Micro-batches are compiled for one of this many capacities of trained positions. */
const CAPACITIES = 4;

/** Rounds the trained positions up to one of a few capacities, so that few graphs are compiled. */
export function compiledShape(batch: {
  readonly rows: number;
  readonly length: number;
  readonly predictors: { readonly length: number };
}): BatchShape {
  const slots = batch.rows * batch.length;
  const unit = Math.ceil(slots / CAPACITIES);
  return {
    rows: batch.rows,
    length: batch.length,
    predictors: Math.min(slots, Math.max(1, Math.ceil(batch.predictors.length / unit)) * unit),
  };
}

const floats = (data: Value["data"]): Float32Array => {
  if (data instanceof Float32Array) return data;
  throw new Error("expected float32 data");
};

export class Trainer {
  readonly #model: Model;
  readonly #trained: Trained;
  readonly #config: TrainerConfig;
  readonly #training: Training;
  readonly #random: Random;
  readonly #objective: Objective;
  readonly #shapes: Map<string, readonly number[]>;
  readonly #orthogonal: ReadonlySet<string>;
  readonly #groups: readonly UpdateGroup[];
  readonly #fixed: Record<string, Value> = {};
  readonly #programs = new Map<string, Promise<Program>>();
  #resident: Promise<Resident> | undefined;
  #weights: Record<string, Value> = {};
  #moments: Record<string, Value> = {};
  #step = 0;

  /** `start` are the first weights of everything trained: an adapter's, or the model's own. */
  constructor(
    model: Model,
    trained: Trained,
    start: ReadonlyMap<string, Float32Array>,
    config: TrainerConfig,
    { random = createRandom(0), objective = nextToken }: TrainerOptions = {},
  ) {
    this.#model = model;
    this.#trained = trained;
    this.#config = config;
    this.#random = random;
    this.#objective = objective;
    this.#training = {
      recompute: config.recompute,
      dropout: trained.kind === "lora" ? (trained.dropout ?? 0) : 0,
      neftuneAlpha: config.neftuneAlpha ?? 0,
    };
    this.#shapes = trainedShapes(model, trained);
    this.#orthogonal = config.optimizer === "muon" ? muonNames(model, trained) : new Set();
    this.#groups = updateGroups(this.#shapes, this.#orthogonal);
    if (trained.kind === "lora") Object.assign(this.#fixed, frozenFeeds(model));
    const table = ropeTable(model.config, config.sequenceLength);
    const size = table.cos.length / config.sequenceLength;
    this.#fixed["cos"] = value("float32", [config.sequenceLength, size], table.cos);
    this.#fixed["sin"] = value("float32", [config.sequenceLength, size], table.sin);
    const zeros = (names: Iterable<string>): Map<string, Float32Array> =>
      new Map([...names].map((name) => [name, new Float32Array(start.get(name)!.length)]));
    const names = [...this.#shapes.keys()];
    this.restore({ step: 0, weights: new Map(start), m: zeros(names), v: zeros(this.#squared()) });
  }

  /** Optimizer steps taken. */
  get step(): number {
    return this.#step;
  }

  get trainableParameters(): number {
    return [...this.#shapes.values()].reduce(
      (sum, shape) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
  }

  restore(state: TrainerState): void {
    this.#step = state.step;
    this.#weights = {};
    this.#moments = {};
    for (const [name, shape] of this.#shapes) {
      this.#weights[name] = value("float32", shape, state.weights.get(name)!);
      this.#moments[`m_${name}`] = value("float32", shape, state.m.get(name)!);
      if (!this.#orthogonal.has(name))
        this.#moments[`v_${name}`] = value("float32", shape, state.v.get(name)!);
    }
  }

  /** A copy-free view of the state; valid until the next step. */
  state(): TrainerState {
    const read = (
      names: Iterable<string>,
      from: Record<string, Value>,
      prefix: string,
    ): Map<string, Float32Array> =>
      new Map([...names].map((name) => [name, floats(from[prefix + name]!.data)]));
    const names = [...this.#shapes.keys()];
    return {
      step: this.#step,
      weights: read(names, this.#weights, ""),
      m: read(names, this.#moments, "m_"),
      v: read(this.#squared(), this.#moments, "v_"),
    };
  }

  /**
   * One optimizer step over an accumulation window of micro-batches. The loss is the mean over all
   * trained tokens (or pairs) of the window, so 4 batches of 1 equal 1 batch of 4; `metrics` are what else the
   * objective reports. Throws `train/no-tokens`, and
   * `train/bad-loss` for a loss or gradient that is no number and a loss of exactly 0: the weights are
   * then what they were.
   */
  async train(
    window: readonly PackedBatch[],
    learningRate: number,
  ): Promise<{
    loss: number;
    gradNorm: number;
    tokens: number;
    metrics: Record<string, number>;
    /** Of the optimizer alone. */
    updateSeconds: number;
  }> {
    if (window.every((batch) => batch.targets.length === 0))
      throw new TwainError("train/no-tokens", `no token of step ${this.#step + 1} is trained`, {
        hint: "Every row of the batch masks all its tokens: look at the rows with twainbot inspect.",
      });
    const units = window.reduce((sum, batch) => sum + this.#objective.units(batch), 0);
    const sums: Record<string, number> = {};
    let gradients: Record<string, Value> = {};
    for (const [index, batch] of window.entries()) {
      const shape = compiledShape(batch);
      const program = await this.#program(`gradients ${shape.rows} ${shape.predictors}`, () =>
        this.#objective.graph(this.#model, this.#trained, shape, this.#training),
      );
      const outputs = await program.run({
        ...(await this.#deviceFeeds(batch, shape)),
        ...this.#objective.feeds(batch, shape),
        ...this.#noise(batch, index),
      });
      for (const [name, { data }] of Object.entries(outputs))
        if (!name.startsWith("d_")) sums[name] = (sums[name] ?? 0) + floats(data)[0]!;
      if (index === 0) gradients = outputs;
      else
        for (const name of this.#shapes.keys())
          accumulate(floats(gradients[`d_${name}`]!.data), floats(outputs[`d_${name}`]!.data));
    }
    const { loss = Number.NaN, ...metrics } = Object.fromEntries(
      Object.entries(sums).map(([name, total]) => [name, total / units]),
    );
    if (!Number.isFinite(loss) || loss === 0)
      throw new TwainError("train/bad-loss", `the loss is ${loss}`);
    const started = performance.now();
    const gradNorm = await this.#update(gradients, units, learningRate);
    return {
      loss,
      metrics,
      gradNorm,
      updateSeconds: (performance.now() - started) / 1000,
      tokens: window.reduce((sum, batch) => sum + batch.rows * batch.length, 0),
    };
  }

  /** Summed log-probability of the trained tokens of each example, in nats; nothing is trained. */
  async score(
    examples: readonly Example[],
    signal?: AbortSignal,
  ): Promise<{ sum: number; tokens: number }[]> {
    const { microBatch, sequenceLength } = this.#config;
    const result = new Map<Example, { sum: number; tokens: number }>();
    for (const batch of packOnce(examples, microBatch, sequenceLength)) {
      signal?.throwIfAborted();
      const shape = compiledShape(batch);
      const program = await this.#program(`scores ${shape.rows} ${shape.predictors}`, () =>
        scores(this.#model, this.#trained, shape),
      );
      const { logProbs } = await program.run(await this.#deviceFeeds(batch, shape));
      const data = floats(logProbs!.data);
      let at = 0;
      for (const { example } of batch.placements) {
        const tokens = example.trained.reduce((sum, flag, i) => sum + (i > 0 ? flag : 0), 0);
        let sum = 0;
        for (let i = 0; i < tokens; i++) sum += data[at++]!;
        result.set(example, { sum, tokens });
      }
    }
    return examples.map((example) => result.get(example)!);
  }

  /** Mean -log p over the trained tokens of all examples, in nats. */
  async validLoss(examples: readonly Example[], signal?: AbortSignal): Promise<number> {
    const scored = await this.score(examples, signal);
    return (
      -scored.reduce((sum, row) => sum + row.sum, 0) /
      scored.reduce((sum, row) => sum + row.tokens, 0)
    );
  }

  /** What every graph over a batch is fed: frozen and trained weights, and the batch. */
  feeds(batch: PackedBatch, shape: BatchShape): Record<string, Value> {
    return { ...this.#fixed, ...this.#weights, ...batchFeeds(batch, shape) };
  }

  async release(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).release();
    this.#programs.clear();
    await (await this.#resident)?.release();
    this.#resident = undefined;
  }

  /** `feeds`, with what never changes in the device's memory. */
  async #deviceFeeds(batch: PackedBatch, shape: BatchShape): Promise<Record<string, Feed>> {
    const feeds = this.feeds(batch, shape);
    const { device = "cpu" } = this.#config;
    if (device === "cpu") return feeds;
    this.#resident ??= upload(this.#fixed, device);
    return { ...feeds, ...(await this.#resident).values };
  }

  async #update(
    gradients: Record<string, Value>,
    units: number,
    learningRate: number,
  ): Promise<number> {
    const step = this.#step + 1;
    const { beta1, beta2, gradientClip } = this.#config;
    const norm = gradientNorm(
      [...this.#shapes.keys()].map((name) => floats(gradients[`d_${name}`]!.data)),
    );
    // Not one bad gradient may reach the weights: a checkpoint of them would be worth nothing.
    if (!Number.isFinite(norm))
      throw new TwainError("train/bad-loss", `the norm of the gradients is ${norm / units}`);
    const scalar = (x: number): Value => value("float32", [], Float32Array.of(x));
    const scalars: Record<string, Value> = {
      scale: scalar(gradientScale(norm, units, gradientClip)),
      learningRate: scalar(learningRate),
      correction1: scalar(1 - beta1 ** step),
      correction2: scalar(1 - beta2 ** step),
    };
    const plusRatio = this.#trained.kind === "lora" ? (this.#trained.plusRatio ?? 1) : 1;
    for (const { key, names, rules } of this.#groups) {
      const feeds = { ...scalars };
      names.forEach((name, i) => {
        feeds[`p_${i}`] = this.#weights[name]!;
        feeds[`d_${i}`] = gradients[`d_${name}`]!;
        feeds[`m_${i}`] = this.#moments[`m_${name}`]!;
        if (!rules[i]!.orthogonal) feeds[`v_${i}`] = this.#moments[`v_${name}`]!;
      });
      const program = await this.#program(
        `update ${key}`,
        () => updateGraph(rules, this.#config, { plusRatio }),
        "cpu",
      );
      const next = await program.run(feeds);
      names.forEach((name, i) => {
        this.#weights[name] = next[`p_${i}`]!;
        this.#moments[`m_${name}`] = next[`m_${i}`]!;
        if (!rules[i]!.orthogonal) this.#moments[`v_${name}`] = next[`v_${i}`]!;
      });
    }
    this.#step = step;
    return norm / units;
  }

  /** Names that AdamW trains. */
  #squared(): string[] {
    return [...this.#shapes.keys()].filter((name) => !this.#orthogonal.has(name));
  }

  /** The random inputs of micro-batch `index` of the next step. */
  #noise(batch: PackedBatch, index: number): Record<string, Value> {
    const { dropout = 0, neftuneAlpha = 0 } = this.#training;
    const feeds: Record<string, Value> = {};
    if (dropout === 0 && neftuneAlpha === 0) return feeds;
    const random = this.#random.fork(`step ${this.#step + 1}, batch ${index}`);
    const tokens = batch.rows * batch.length;
    if (dropout > 0)
      feeds["dropout"] = value("float32", [tokens, 3], dropoutNumbers(random, tokens));
    if (neftuneAlpha > 0) {
      const hidden = this.#model.config.hidden_size;
      feeds["embeddingNoise"] = value(
        "float32",
        [batch.rows, batch.length, hidden],
        embeddingNoise(random, batch, hidden, neftuneAlpha),
      );
    }
    return feeds;
  }

  #program(
    key: string,
    build: () => ReturnType<typeof scores>,
    device: Device = this.#config.device ?? "cpu",
  ): Promise<Program> {
    let program = this.#programs.get(key);
    if (!program)
      this.#programs.set(key, (program = compile(build(), { device, spinning: false })));
    return program;
  }
}

function accumulate(into: Float32Array, more: Float32Array): void {
  for (let i = 0; i < into.length; i++) into[i]! += more[i]!;
}

function batchFeeds(batch: PackedBatch, shape: BatchShape): Record<string, Value> {
  const capacity = shape.predictors;
  const predictors = new BigInt64Array(capacity);
  const targets = new BigInt64Array(capacity);
  const rowWeights = new Float32Array(capacity);
  batch.predictors.forEach((at, i) => {
    predictors[i] = BigInt(at);
    targets[i] = BigInt(batch.targets[i]!);
    rowWeights[i] = 1;
  });
  const grid = [batch.rows, batch.length];
  return {
    ids: value("int64", grid, batch.ids),
    positions: value("int64", grid, batch.positions),
    segments: value("int64", grid, batch.segments),
    predictors: value("int64", [capacity], predictors),
    targets: value("int64", [capacity], targets),
    rowWeights: value("float32", [capacity], rowWeights),
  };
}
