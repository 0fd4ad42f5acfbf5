/** A model in Hugging Face's folder layout: config.json beside one or several safetensors files. */
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { sha256 } from "../core/hash.ts";
import { type Architecture, architectureOf } from "./architecture.ts";
import { ModelConfig } from "./config.ts";
import { type StoredTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";
import { isStoredAsNf4 } from "./stored-quantization.ts";

/** A loaded model: its family, its config, and every tensor by checkpoint name. */
export interface Model {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Of config and weights. */
  readonly hash: string;
}

/** Of config.json and the index; real ones have some hundred kilobytes. */
const MAX_JSON_BYTES = 64 << 20;

const Index = z.object({ weight_map: z.record(z.string(), z.string()) });

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > MAX_JSON_BYTES)
      throw new TwainError(
        "model/bad-json",
        `${path} has ${size} bytes, more than the ${MAX_JSON_BYTES} that are read`,
        { hint: "This is no config of a model." },
      );
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof TwainError) throw cause;
    throw new TwainError("model/missing-file", `cannot read ${path}`, {
      hint: "A model folder needs config.json, *.safetensors, tokenizer.json and tokenizer_config.json.",
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TwainError("model/bad-json", `${path} is not JSON`, {
      hint: "The file is damaged: fetch it again.",
      cause,
    });
  }
}

/** Names of the safetensors files of a folder, by its index where there is one, and which tensor the index puts where. */
export async function weightFiles(
  folder: string,
): Promise<{ files: string[]; placed: Record<string, string> }> {
  const names = await readdir(folder);
  if (names.includes("model.safetensors.index.json")) {
    const path = join(folder, "model.safetensors.index.json");
    const index = Index.safeParse(await readJson(path));
    if (!index.success)
      throw new TwainError("model/bad-json", `${path} has no weight_map of file names`, {
        hint: "The file is damaged: fetch it again.",
        cause: index.error,
      });
    const placed = index.data.weight_map;
    const files = [...new Set(Object.values(placed))].toSorted();
    // Only names that stand in the folder itself: an index cannot lead out of it.
    const missing = files.filter((file) => !names.includes(file));
    if (missing.length > 0)
      throw new TwainError(
        "model/missing-shard",
        `${folder}: the index names ${missing.join(", ")}, which is not there`,
        { hint: "Fetch the missing files, or the whole folder, again." },
      );
    return { files, placed };
  }
  if (names.includes("model.safetensors")) return { files: ["model.safetensors"], placed: {} };
  throw new TwainError("model/missing-file", `${folder} has no model.safetensors and no index`, {
    hint: names.some((name) => /\.(bin|pth|pt)$/.test(name))
      ? "Its weights are in a format that runs code when it is read: convert them to safetensors."
      : "A model folder holds model.safetensors, or several files and model.safetensors.index.json.",
  });
}

/** Of a layer, what computes something; rotary tables, or scales of quantized weights, have other endings. */
const LAYER_WEIGHT = /^model\.layers\..+\.(weight|bias)$/;

/** What AWQ, GPTQ and compressed-tensors put in the place of `weight`. */
const PACKED = ["qweight", "weight_packed"];

/**
 * Throws `model/tensor-missing`, `model/tensor-shape`, or `model/tensor-unread` for a weight of a layer without which
 * the model would be another one, naming the tensor. Other tensors that nothing reads are ignored.
 */
export function checkTensors(
  folder: string,
  { architecture, config }: Pick<Model, "architecture" | "config">,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape">>,
  placed: Record<string, string>,
): void {
  const parameters = architecture.parameters(config);
  for (const [name, { shape, kind }] of parameters) {
    const found = tensors.get(name);
    if (!found) {
      const module = name.replace(/\.weight$/, "");
      const packed = PACKED.find((ending) => tensors.has(`${module}.${ending}`));
      if (packed !== undefined)
        throw new TwainError(
          "model/unsupported",
          `${folder}: ${module} is stored quantized (${packed}), which is not supported`,
          { hint: "Choose the model before quantization." },
        );
      const where = Object.hasOwn(placed, name) ? ` from ${placed[name]}` : "";
      throw new TwainError("model/tensor-missing", `${folder}: ${name} is missing${where}`, {
        hint:
          kind === "output"
            ? "Where the embedding serves as output layer, config.json must say tie_word_embeddings: true."
            : `config.json speaks of a ${config.model_type} with ${config.num_hidden_layers} layers: do config and weights belong together?`,
      });
    }
    if (found.shape.join() !== shape.join()) {
      throw new TwainError(
        "model/tensor-shape",
        `${folder}: ${name} is [${found.shape.join(", ")}], config.json asks for [${shape.join(", ")}]`,
        { hint: "config.json and weights do not belong together: fetch both again." },
      );
    }
  }
  const unread = [...tensors.keys()].filter(
    (name) => LAYER_WEIGHT.test(name) && !parameters.has(name),
  );
  if (unread.length > 0)
    throw new TwainError(
      "model/tensor-unread",
      `${folder}: ${unread[0]}${unread.length > 1 ? ` and ${unread.length - 1} more` : ""} would not be used: config.json speaks of a ${config.model_type} with ${config.num_hidden_layers} layers without it`,
      {
        hint: "Without it this is another model. Biases are asked for by attention_bias and mlp_bias in config.json: do config and weights belong together?",
      },
    );
}

/** The family of a config, once it has accepted every option; errors name the file. */
function known(path: string, config: ModelConfig): Architecture {
  try {
    const architecture = architectureOf(config);
    architecture.parameters(config);
    isStoredAsNf4(config);
    return architecture;
  } catch (error) {
    if (!(error instanceof TwainError)) throw error;
    throw new TwainError(error.code, `${path}: ${error.message}`, {
      hint: error.hint ?? "Choose another base model: docs/models.md says which ones run.",
      cause: error,
    });
  }
}

/** Reads config.json and finds its family. Throws `model/missing-file`, `bad-json`, `bad-config` and `unsupported`. */
export async function readConfig(folder: string): Promise<Pick<Model, "architecture" | "config">> {
  const path = join(folder, "config.json");
  const parsed = ModelConfig.safeParse(await readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new TwainError(
      "model/bad-config",
      `${path}: ${issue?.path.join(".")}: ${issue?.message}`,
      { hint: "The file must be the config.json of the model whose weights lie beside it." },
    );
  }
  return { config: parsed.data, architecture: known(path, parsed.data) };
}

/** Throws `model/not-finite` for a tensor that holds NaN or an infinity: training would blame the learning rate. */
export function checkFinite(where: string, data: Float32Array): void {
  const odd = data.find((x) => !Number.isFinite(x));
  if (odd === undefined) return;
  throw new TwainError("model/not-finite", `${where} holds ${odd}`, {
    hint: "The checkpoint is damaged: fetch it again.",
  });
}

/**
 * Reads a model folder; weights become float32. Throws `model/…` for whatever is missing, damaged or not run,
 * naming the file.
 */
export async function readModel(folder: string): Promise<Model> {
  const { config, architecture } = await readConfig(folder); // before gigabytes are read
  const tensors = new Map<string, StoredTensor>();
  const { files, placed } = await weightFiles(folder);
  for (const file of files) {
    const path = join(folder, file);
    for (const [name, tensor] of (await readSafetensors(path)).tensors) {
      checkFinite(`${path}: ${name}`, tensor.data);
      tensors.set(name, tensor);
    }
  }
  checkTensors(folder, { architecture, config }, tensors, placed);
  return { architecture, config, tensors, hash: modelHash(config, tensors) };
}

/** SHA-256 over the config and every weight, in name order. */
export function modelHash(config: ModelConfig, tensors: ReadonlyMap<string, StoredTensor>): string {
  const parts = [...tensors]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, { data }]) =>
        `${name}:${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`,
    );
  return sha256([JSON.stringify(config), ...parts].join("\n"));
}

/** Writes config.json and model.safetensors. */
export async function writeModel(
  folder: string,
  config: ModelConfig,
  tensors: ReadonlyMap<string, StoredTensor>,
): Promise<string[]> {
  const weights = join(folder, "model.safetensors");
  const configPath = join(folder, "config.json");
  await writeSafetensors(weights, tensors, { format: "pt" });
  await writeFileAtomic(configPath, `${JSON.stringify(config, null, 2)}\n`);
  return [weights, configPath];
}
