/** The training stages of a recipe as jobs whose cost can be told before they run. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { ConversationRow, fromRow } from "../core/conversation.ts";
import { PreferenceRow, fromPreferenceRow } from "../core/preference.ts";
import { createRandom } from "../core/random.ts";
import type { PreferenceConfig, Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { ChatTemplate } from "../tokenizer/chat-template.ts";
import { type Example, encodeConversation } from "../tokenizer/example.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { loraTrained } from "./graphs.ts";
import { knownConfig } from "./known-config.ts";
import { createMixture } from "./mixture.ts";
import { type PackedBatch, packOnce, packStream } from "./packing.ts";
import { encodePreference } from "./preference-data.ts";
import { type Pair, packPairs, preferenceLoss } from "./preference-loss.ts";
import { compiledShape } from "./trainer.ts";
import type { TrainingJob } from "./training-cost.ts";

export type TrainingStage = "base" | "dapt" | "train" | "preference";

export interface StageJob {
  readonly stage: TrainingStage;
  readonly job: TrainingJob & { readonly config: { readonly steps: number } };
  /** True where the rows or their tokens are not known yet. */
  readonly assumed: boolean;
}

/** Rows that are encoded to see how full batches are; more would change little and take seconds. */
const SAMPLED_ROWS = 300;
const SAMPLED_BATCHES = 100;

type Batches = Pick<TrainingJob, "steps" | "scoring" | "data">;

/** Nearly every token is trained, and no batch of the schedule is known: the two largest of the graphs that may be needed. */
function unknownBatches(rows: number, length: number): Batches {
  const slots = rows * length;
  const lower = compiledShape({ rows, length, predictors: { length: slots / 2 + 1 } }).predictors;
  return {
    steps: new Map([
      [slots, 0.5],
      [lower, 0.5],
    ]),
    scoring: [slots, lower],
    data: { examples: 0, tokens: 0 },
  };
}

/** Rows spread over a file, and how many it has. */
async function spread<Row>(
  path: string,
  most: number,
  schema: z.ZodType<Row>,
): Promise<{ rows: Row[]; count: number }> {
  const lines: string[] = [];
  let count = 0;
  let every = 1;
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Infinity,
  })) {
    if (line === "") continue;
    if (count++ % every !== 0) continue;
    lines.push(line);
    if (lines.length < 2 * most) continue;
    // Too many: every other one, from here on too.
    every *= 2;
    lines.splice(0, Infinity, ...lines.filter((_, i) => i % 2 === 0));
  }
  return { rows: lines.map((line) => schema.parse(JSON.parse(line))), count };
}

/** How often each graph is needed, among the first batches of a stream. */
function shares(batches: Iterator<PackedBatch, never>): Map<number, number> {
  const steps = new Map<number, number>();
  for (let i = 0; i < SAMPLED_BATCHES; i++) {
    const { predictors } = compiledShape(batches.next().value);
    steps.set(predictors, (steps.get(predictors) ?? 0) + 1 / SAMPLED_BATCHES);
  }
  return steps;
}

interface Encoder {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

/** How full the batches of a stage will be, from a sample of its rows. */
async function sampledBatches(
  paths: { train: string; valid: string },
  { tokenizer, template }: Encoder,
  config: Pick<Recipe["train"], "microBatch" | "sequenceLength" | "validRows" | "mixture">,
  seed: number,
): Promise<Batches | undefined> {
  const { microBatch, sequenceLength } = config;
  const encode = (row: ConversationRow): Example =>
    encodeConversation(fromRow(row), tokenizer, template);
  const fits = ({ ids, trained }: Example): boolean =>
    ids.length <= sequenceLength && trained.some((flag) => flag === 1);
  const train = await spread(paths.train, SAMPLED_ROWS, ConversationRow);
  const byDomain = new Map<string, Example[]>();
  for (const row of train.rows) {
    const example = encode(row);
    if (!fits(example)) continue;
    const list = byDomain.get(row.tags.domain) ?? [];
    byDomain.set(row.tags.domain, list);
    list.push(example);
  }
  const mixture = Object.fromEntries(
    Object.entries(config.mixture).filter(([domain, share]) => share > 0 && byDomain.has(domain)),
  );
  if (Object.keys(mixture).length === 0) return undefined;
  const stream = packStream(
    createMixture(byDomain, mixture, createRandom(seed)),
    microBatch,
    sequenceLength,
  );
  const steps = shares(stream);
  const found = await spread(paths.valid, config.validRows, ConversationRow);
  const valid = found.rows.map(encode).filter(fits);
  const scoring = new Set<number>();
  for (const batch of packOnce(valid, microBatch, sequenceLength))
    scoring.add(compiledShape(batch).predictors);
  const examples = [...byDomain.values()].flat();
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    steps,
    scoring: [...scoring],
    data: { examples: train.count, tokens: (tokens / examples.length) * train.count },
  };
}

/** The same of a preference stage, whose batches hold whole pairs. */
async function sampledPairs(
  path: string,
  { tokenizer, template }: Encoder,
  { microBatch, sequenceLength }: PreferenceConfig,
  seed: number,
): Promise<Batches | undefined> {
  const { rows, count } = await spread(path, SAMPLED_ROWS, PreferenceRow);
  const reference = { chosen: 0, rejected: 0 };
  const pairs = rows
    .map((row): Pair => ({
      ...encodePreference(fromPreferenceRow(row), tokenizer, template),
      reference,
    }))
    .filter(({ chosen, rejected }) =>
      [chosen, rejected].every(({ ids }) => ids.length <= sequenceLength),
    );
  if (pairs.length === 0) return undefined;
  const random = createRandom(seed);
  let queue: Pair[] = [];
  const next = (): Pair => {
    if (queue.length === 0) queue = random.shuffle(pairs);
    return queue.pop()!;
  };
  const sides = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
  const scoring = [...packOnce(sides, microBatch, sequenceLength)].map(
    (batch) => compiledShape(batch).predictors,
  );
  const tokens = sides.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    steps: shares(packPairs(next, microBatch, sequenceLength)),
    scoring: [...new Set(scoring)],
    data: { examples: 2 * count, tokens: (tokens / pairs.length) * count },
  };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Every training stage of the recipe; none where the base's shape is not known yet. `encoder` is the base's, once it is there. */
export async function trainingJobs(
  recipe: Recipe,
  dir: RunDir,
  encoder?: Encoder,
): Promise<StageJob[]> {
  const model = await knownConfig(recipe, dir);
  if (!model) return [];
  const batches = async (
    paths: { train: string; valid: string },
    config: Pick<Recipe["train"], "microBatch" | "sequenceLength" | "validRows" | "mixture">,
  ): Promise<{ found: Batches; assumed: boolean }> => {
    const known = encoder && (await exists(paths.train)) && (await exists(paths.valid));
    const sampled = known ? await sampledBatches(paths, encoder, config, recipe.seed) : undefined;
    return sampled
      ? { found: sampled, assumed: false }
      : { found: unknownBatches(config.microBatch, config.sequenceLength), assumed: true };
  };

  const jobs: StageJob[] = [];
  const { base, dapt, train, preference } = recipe;
  if (base.kind === "scratch") {
    const config = base.training;
    const { found, assumed } = await batches(
      { train: dir.dataset.base, valid: dir.dataset.baseValid },
      { ...config, mixture: base.mixture },
    );
    jobs.push({
      stage: "base",
      assumed,
      job: { model, trained: { kind: "all" }, config, ...found },
    });
  }
  const { lora, quantization } = train;
  const withDropout = loraTrained(model, lora);
  const { dropout: _dropout, ...trained } = withDropout;
  const frozen = quantization === "none" ? model : { ...model, quantization };
  // Every token of a text is trained, so its batches need no look at the rows: nothing is assumed.
  if (dapt)
    jobs.push({
      stage: "dapt",
      assumed: false,
      job: {
        model: frozen,
        trained: withDropout,
        config: dapt,
        ...unknownBatches(dapt.microBatch, dapt.sequenceLength),
      },
    });
  const { found, assumed } = await batches(dir.dataset, train);
  jobs.push({
    stage: "train",
    assumed,
    job: {
      model: frozen,
      trained: withDropout,
      config: train,
      ...found,
    },
  });
  if (preference) {
    const path = dir.dataset.preference;
    const sampled =
      encoder && (await exists(path))
        ? await sampledPairs(path, encoder, preference, recipe.seed)
        : undefined;
    jobs.push({
      stage: "preference",
      assumed: sampled === undefined,
      job: {
        model: frozen,
        trained,
        config: preference,
        objective: preferenceLoss([], preference.beta),
        ...(sampled ?? unknownBatches(preference.microBatch, preference.sequenceLength)),
      },
    });
  }
  return jobs;
}
