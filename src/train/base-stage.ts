/**
 * The base model of a recipe. `scratch` trains a tokenizer and a small Llama on neutral text and drills in
 * copying and reading, the wording of weather questions among them but no tool call; `folder` checks a
 * model that is already there, `hub` one that it fetches first.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../core/atomic-file.ts";
import type { Conversation } from "../core/conversation.ts";
import { TwainError } from "../core/errors.ts";
import type { RunEvent } from "../core/events.ts";
import { createRandom } from "../core/random.ts";
import type { BaseConfig, Recipe, ScratchBaseConfig } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import type { Stage, StageContext, StageResult } from "../core/stage.ts";
import { requireDevice, sizeOf } from "../engine/index.ts";
import { writeModel } from "../models/folder.ts";
import { architectureOf } from "../models/architecture.ts";
import { damagedFiles, refuseDamaged } from "../models/hub-cache.ts";
import {
  type HubModel,
  fetchDescription,
  fetchFromHub,
  hubConnection,
  hubFolder,
  hubRecord,
  isInCache,
} from "../models/hub.ts";
import { addCopyHeads, hasRoomForCopyHeads } from "../models/copy-heads.ts";
import { initModel, scratchConfig } from "../models/init.ts";
import type { StoredTensor } from "../models/safetensors.ts";
import { createChatTemplate } from "../tokenizer/chat-template.ts";
import { type Tokenizer, createTokenizer, writeTokenizerFiles } from "../tokenizer/tokenizer.ts";
import { type TokenizerFiles, trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { checkBase, longSequences } from "./check-base.ts";
import { encodeDataset, readRows, sampleExamples } from "./dataset.ts";
import { trainedShapes } from "./graphs.ts";
import { trainLoop } from "./loop.ts";
import { createMixture } from "./mixture.ts";
import { recipeTrackers } from "./mlflow.ts";
import { openBase } from "./open-base.ts";
import { packStream } from "./packing.ts";
import { Trainer } from "./trainer.ts";
import { restoreUnseen } from "./unseen-embeddings.ts";

/** Where the base model of a run is. */
export function baseFolder({ base: config }: Recipe, dir: RunDir): string {
  if (config.kind === "hub") return hubFolder(config);
  return config.kind === "folder" ? config.path : dir.base.root;
}

/** What the adapter's own files call its base. */
export function baseName({ base: config, name }: Recipe): string {
  if (config.kind === "scratch") return `${name}-base`;
  return config.kind === "folder" ? (config.name ?? config.path) : config.name;
}

/** The vocabulary depends on what the adapter will train on, so that is part of the fingerprint. */
type ScratchStageConfig = ScratchBaseConfig & { adapterMixture: Recipe["train"]["mixture"] };
type BaseStageConfig = Exclude<BaseConfig, ScratchBaseConfig> | ScratchStageConfig;

const EMBEDDING = "model.embed_tokens.weight";

/** Enough text to tell frequent words from rare ones; more only costs time. */
const VOCABULARY_CHARACTERS = 3_000_000;

/** All that a row puts before the model, but for what the chat template adds. */
function wordsOf({ messages, tools }: Conversation): string {
  const calls = messages.flatMap((message) =>
    message.role === "assistant" ? (message.toolCalls ?? []) : [],
  );
  return [
    ...(tools ?? []).map(({ name, parameters }) => `${name}(${keysOf(parameters["properties"])})`),
    ...messages.map((message) => message.content ?? ""),
    ...calls.map((call) => JSON.stringify({ name: call.name, arguments: call.arguments })),
  ].join("\n");
}

const keysOf = (value: unknown): string =>
  typeof value === "object" && value !== null ? Object.keys(value).join(", ") : "";

/** Text of both datasets in the shares in which training will meet it: a word is worth a token by its use. */
async function* vocabularyTexts(
  base: ScratchStageConfig,
  dir: RunDir,
  signal: AbortSignal,
): AsyncGenerator<string> {
  // Echoes are lists of words drawn at random: their counts say nothing.
  const { echo: _echo, ...drillsAndText } = base.mixture;
  for (const [path, mixture, characters] of [
    [dir.dataset.train, base.adapterMixture, VOCABULARY_CHARACTERS],
    [dir.dataset.base, drillsAndText, VOCABULARY_CHARACTERS / 3],
  ] as const) {
    const whole = Object.values(mixture).reduce((a, b) => a + b, 0);
    const left = new Map(
      Object.entries(mixture).map(([domain, share]) => [domain, (share / whole) * characters]),
    );
    for await (const row of readRows(path)) {
      signal.throwIfAborted();
      const budget = left.get(row.tags.domain) ?? 0;
      if (budget <= 0) continue;
      const text = wordsOf(row);
      left.set(row.tags.domain, budget - text.length);
      yield text;
    }
  }
}

function specialId(tokenizer: Tokenizer, token: string): number {
  const id = tokenizer.tokenToId(token);
  if (id === undefined) throw new Error(`the trained tokenizer has no ${token}`);
  return id;
}

async function* trainScratch(
  base: ScratchStageConfig,
  context: StageContext<BaseStageConfig>,
): AsyncGenerator<RunEvent, StageResult> {
  const { recipe, dir, signal, fingerprint } = context;
  await requireDevice(base.training.device, signal);
  yield {
    type: "notice",
    stage: "base",
    message:
      "no pretrained base is used: a small one is trained from scratch first, on neutral text and drills in copying and reading",
  };
  const files: TokenizerFiles = await trainVocabulary(vocabularyTexts(base, dir, signal), {
    ...twainTokens,
    vocabSize: base.vocabSize,
    signal,
  });
  const tokenizer = createTokenizer(files);
  const template = createChatTemplate(files.config, tokenizer);
  const random = createRandom(recipe.seed).fork("base");

  const length = base.training.sequenceLength;
  const train = await encodeDataset(dir.dataset.base, tokenizer, template, length, signal);
  const valid = await encodeDataset(dir.dataset.baseValid, tokenizer, template, length, signal);
  const config = scratchConfig(
    base,
    tokenizer.vocabSize,
    specialId(tokenizer, "<|bos|>"),
    specialId(tokenizer, "<|end|>"),
  );
  const tensors = initModel(config, random.fork("init"));
  if (base.copyHeads && hasRoomForCopyHeads(config))
    addCopyHeads(tensors, config, random.fork("copy-heads"));
  const model = { architecture: architectureOf(config), config, tensors, hash: "" };
  const trained = { kind: "all" } as const;
  const shapes = trainedShapes(model, trained);
  const trainer = new Trainer(
    model,
    trained,
    new Map([...tensors].map(([name, { data }]) => [name, data])),
    base.training,
  );
  yield {
    type: "notice",
    stage: "base",
    message: `${trainer.trainableParameters.toLocaleString("en")} parameters, vocabulary ${tokenizer.vocabSize}, ${train.rows.toLocaleString("en")} rows`,
  };
  try {
    const mixture = createMixture(
      train.byDomain,
      base.mixture,
      random.fork("mixture"),
      "base.mixture",
    );
    const rows = sampleExamples(valid, base.training.validRows, random.fork("valid").shuffle);
    const result = yield* trainLoop({
      stage: "base",
      trainer,
      shapes,
      batches: packStream(mixture, base.training.microBatch, base.training.sequenceLength),
      validate: () => trainer.validLoss(rows, signal),
      config: base.training,
      files: dir.base,
      trackers: recipeTrackers(recipe, "base", base.training),
      fingerprint,
      signal,
    });
    const best = new Map<string, StoredTensor>(
      [...shapes].map(([name, shape]) => [name, { shape, data: result.best.get(name)! }]),
    );
    restoreUnseen(
      best.get(EMBEDDING)!.data,
      tensors.get(EMBEDDING)!.data,
      train.byDomain.values(),
      config.hidden_size,
    );
    const outputs = await writeModel(dir.base.root, config, best);
    await writeTokenizerFiles(dir.base.root, files);
    return {
      outputs: [
        ...outputs,
        join(dir.base.root, "tokenizer.json"),
        join(dir.base.root, "tokenizer_config.json"),
      ],
      counts: {
        parameters: trainer.trainableParameters,
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

/** Checks a model folder, and reads it. What it leaves are hashes: the adapter is trained anew for other weights, tokens or template. */
async function* checkFolder(
  path: string,
  { recipe, dir, signal }: StageContext<BaseStageConfig>,
): AsyncGenerator<RunEvent, StageResult> {
  // Of a model from a hub, the weights were not there before the run.
  await checkBase(path, recipe, { weights: true });
  const { model, tokenizer, template } = await openBase(
    path,
    recipe.train.quantization,
    dir,
    signal,
  );
  const parameters = [...model.architecture.parameters(model.config).values()].reduce(
    (sum, { shape }) => sum + sizeOf(shape),
    0,
  );
  yield {
    type: "notice",
    stage: "base",
    message: `base model in ${path}: ${model.config.model_type}, ${parameters.toLocaleString("en")} parameters`,
  };
  const hashes = { model: model.hash, tokenizer: tokenizer.hash, template: template.hash };
  const identity = join(dir.base.root, "identity.json");
  await writeFileAtomic(identity, `${JSON.stringify(hashes, null, 2)}\n`);
  return { outputs: [identity], counts: { parameters } };
}

async function* checkHub(
  config: HubModel,
  context: StageContext<BaseStageConfig>,
): AsyncGenerator<RunEvent, StageResult> {
  const { recipe, signal } = context;
  const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
  for await (const { done, total } of fetchFromHub(
    config,
    hubConnection(signal),
    recipe.data.network,
  ))
    yield {
      type: "progress",
      stage: "base",
      label: `download of ${config.name}, MB`,
      done: megabytes(done),
      total: megabytes(total),
    };
  const result = yield* checkFolder(hubFolder(config), context);
  // Also complete only while the cache is.
  return { ...result, outputs: [...result.outputs, hubRecord(config)] };
}

export const base: Stage<BaseStageConfig> = {
  name: "base",
  needs: ["curate"],
  config: ({ base: config, train }) =>
    config.kind === "scratch" ? { ...config, adapterMixture: train.mixture } : config,
  async check(recipe, _dir, signal) {
    const { base: config, data } = recipe;
    if (config.kind === "scratch")
      return longSequences(recipe, scratchConfig(config, config.vocabSize, 0, 0));
    if (config.kind === "folder") return checkBase(config.path, recipe, { weights: true });
    const folder = hubFolder(config);
    await fetchDescription(config, hubConnection(signal), data.network);
    if (!data.network) await refuseDamaged(folder);
    // The stage fetches what is damaged again; until then there is nothing to judge.
    else if ((await damagedFiles(folder)).length > 0) return undefined;
    return checkBase(folder, recipe, { weights: await isInCache(config) });
  },
  async inputs(config) {
    if (config.kind !== "folder") return null;
    const names = await readdir(config.path).catch((cause: unknown) => {
      throw new TwainError("model/missing-file", `base.path ${config.path} is not a folder`, {
        hint: "It names a folder with config.json, *.safetensors, tokenizer.json and tokenizer_config.json.",
        cause,
      });
    });
    return Promise.all(
      names.toSorted().map(async (name) => {
        const { size, mtimeMs } = await stat(join(config.path, name));
        return [name, size, mtimeMs];
      }),
    );
  },
  intact: async (config) =>
    config.kind !== "hub" || (await damagedFiles(hubFolder(config))).length === 0,
  run(context) {
    const { config } = context;
    if (config.kind === "folder") return checkFolder(config.path, context);
    return config.kind === "hub" ? checkHub(config, context) : trainScratch(config, context);
  },
};
