/**
 * A folder in the Hugging Face layout whose model was exported to ONNX: what is in it, read with limits, and one hash
 * over all that decides what the model says.
 */
import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { TwainError } from "../core/errors.ts";
import { hashFile } from "../core/hash.ts";

/** Where exporters put the model, the first that is there: optimum's layout, then that of transformers.js. */
const MODELS = [
  "model.onnx",
  "onnx/model.onnx",
  "model_quantized.onnx",
  "onnx/model_quantized.onnx",
];

/** Bytes; the vocabulary of a multilingual model takes some 20 MB, and no buffer holds more than 2 GB of weights. */
const LIMITS = { json: 1 << 20, tokenizer: 1 << 26, weights: 2 ** 31 - 1 };

const ModelConfig = z.looseObject({
  model_type: z.string().default(""),
  max_position_embeddings: z.number().int().positive().optional(),
  pad_token_id: z.number().int().nullish(),
  id2label: z.record(z.string(), z.string()).optional(),
  problem_type: z.string().nullish(),
});
export type ModelConfig = z.infer<typeof ModelConfig>;

const Tokenizer = z.looseObject({ model: z.looseObject({}) });
/** Often 10^30, which means that nobody knows. */
const TokenizerConfig = z.looseObject({ model_max_length: z.number().positive().optional() });
const SentenceConfig = z.looseObject({ max_seq_length: z.number().int().positive().nullish() });
const PoolingConfig = z.record(z.string(), z.json());

export interface OnnxFolder {
  folder: string;
  /** Path of the `.onnx` file. */
  model: string;
  /** Paths of the files beside it that hold weights which are not in it. */
  weights: string[];
  config: ModelConfig;
  tokenizer: z.infer<typeof Tokenizer>;
  tokenizerConfig: z.infer<typeof TokenizerConfig>;
  /** Tokens that sentence-transformers gives the model, where its file says so. */
  sentenceLength: number | undefined;
  /** Of sentence-transformers: the names of the poolings that are on. */
  poolings: string[];
  /** Every file that decides what the model says, as paths. */
  files: string[];
}

const missing = (path: string, hint: string): TwainError =>
  new TwainError("curate/model-missing", `there is no ${path}`, { hint });

const broken = (path: string, problem: string, cause?: unknown): TwainError =>
  new TwainError("curate/model-broken", `${path}: ${problem}`, {
    hint: "Export the model again, or copy its folder anew: docs/curation.md says how.",
    cause,
  });

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isFile() ?? false;

/** The bytes of a file of at most `limit` bytes. Throws `curate/model-broken`. */
async function readBounded(path: string, limit: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > limit) throw broken(path, `${size} bytes, more than ${limit}`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function readJson<S extends z.ZodType>(
  path: string,
  schema: S,
  limit = LIMITS.json,
): Promise<z.output<S>> {
  let value: unknown;
  const bytes = await readBounded(path, limit);
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw broken(path, "not JSON", cause);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw broken(path, `${issue?.path.join(".")}: ${issue?.message}`);
}

/**
 * Reads a folder; of the model itself only where it lies. Throws `curate/model-missing` and `curate/model-broken`.
 */
export async function readOnnxFolder(folder: string): Promise<OnnxFolder> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw missing(
      `folder ${folder}`,
      "The recipe names a folder with model.onnx, config.json and tokenizer.json, relative to where the command runs.",
    );
  const files: string[] = [];
  const optional = async <S extends z.ZodType>(
    name: string,
    schema: S,
  ): Promise<z.output<S> | undefined> => {
    const path = join(folder, name);
    if (!(await isFile(path))) return undefined;
    files.push(path);
    return readJson(path, schema);
  };
  const needed = async <S extends z.ZodType>(
    name: string,
    schema: S,
    limit?: number,
  ): Promise<z.output<S>> => {
    const path = join(folder, name);
    if (!(await isFile(path)))
      throw missing(
        path,
        "Save the tokenizer and the configuration into the folder too; optimum-cli does so by itself.",
      );
    files.push(path);
    return readJson(path, schema, limit);
  };
  let model: string | undefined;
  for (const name of MODELS) {
    model = join(folder, name);
    if (await isFile(model)) break;
    model = undefined;
  }
  if (model === undefined)
    throw missing(
      join(folder, MODELS[0]!),
      `Export the model to ONNX: optimum-cli export onnx --model <name> ${folder}`,
    );
  const config = await needed("config.json", ModelConfig);
  const tokenizer = await needed("tokenizer.json", Tokenizer, LIMITS.tokenizer);
  const tokenizerConfig = await optional("tokenizer_config.json", TokenizerConfig);
  const sentence = await optional("sentence_bert_config.json", SentenceConfig);
  const pooling = await optional("1_Pooling/config.json", PoolingConfig);
  // `model.onnx_data` and `model.onnx.data`, as the exporters call them.
  const beside = (await readdir(dirname(model)))
    .filter((name) => name.startsWith(basename(model)) && name !== basename(model))
    .toSorted();
  const weights: string[] = [];
  for (const name of beside) {
    const path = join(dirname(model), name);
    if (await isFile(path)) weights.push(path);
  }
  return {
    folder,
    model,
    weights,
    config,
    tokenizer,
    tokenizerConfig: tokenizerConfig ?? {},
    sentenceLength: sentence?.max_seq_length ?? undefined,
    poolings: Object.entries(pooling ?? {})
      .filter(([name, on]) => name.startsWith("pooling_mode_") && on === true)
      .map(([name]) => name.slice("pooling_mode_".length)),
    files: [...files, model, ...weights],
  };
}

/** The model's bytes, and those of its weights by the name that it knows them by. Throws `curate/model-broken`. */
export async function readOnnxModel({ model, weights }: OnnxFolder): Promise<{
  bytes: Buffer;
  externalData: { path: string; data: Buffer }[];
}> {
  const externalData = [];
  for (const path of weights)
    externalData.push({ path: basename(path), data: await readBounded(path, LIMITS.weights) });
  return { bytes: await readBounded(model, LIMITS.weights), externalData };
}

/** Name and hash of every file that decides what the model says. Throws as `readOnnxFolder` does. */
export async function hashOnnxFolder(folder: string): Promise<[name: string, sha256: string][]> {
  const { files } = await readOnnxFolder(folder);
  const hashes = files.map(async (path): Promise<[string, string]> => {
    const { sha256 } = await hashFile(path);
    return [relative(folder, path), sha256];
  });
  return Promise.all(hashes);
}
