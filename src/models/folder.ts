/** A model in Hugging Face's folder layout: config.json beside one or several safetensors files. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { sha256 } from "../core/hash.ts";
import { type Architecture, type Parameter, architectureOf } from "./architecture.ts";
import { ModelConfig } from "./config.ts";
import { type StoredTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";

/** A loaded model: its family, its config, and every tensor by checkpoint name. */
export interface Model {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Of config and weights. */
  readonly hash: string;
}

const Index = z.object({ weight_map: z.record(z.string(), z.string()) });

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new TwainError("model/missing-file", `cannot read ${path}`, {
      hint: "A model folder needs config.json, *.safetensors, tokenizer.json and tokenizer_config.json.",
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TwainError("model/bad-json", `${path} is not JSON`, { cause });
  }
}

/** The safetensors files of a folder, by its index where there is one. */
export async function weightFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  if (names.includes("model.safetensors.index.json")) {
    const index = Index.parse(await readJson(join(folder, "model.safetensors.index.json")));
    const files = [...new Set(Object.values(index.weight_map))].toSorted();
    const missing = files.filter((file) => !names.includes(file));
    if (missing.length > 0)
      throw new TwainError(
        "model/missing-shard",
        `${folder}: the index names ${missing.join(", ")}, which is not there`,
      );
    return files;
  }
  if (names.includes("model.safetensors")) return ["model.safetensors"];
  throw new TwainError("model/missing-file", `${folder} has no model.safetensors and no index`);
}

/** Throws `model/tensor-missing` or `model/tensor-shape` naming the tensor; extra tensors are ignored. */
export function checkTensors(
  folder: string,
  parameters: ReadonlyMap<string, Parameter>,
  tensors: ReadonlyMap<string, Pick<StoredTensor, "shape">>,
): void {
  for (const [name, { shape }] of parameters) {
    const found = tensors.get(name);
    if (!found) throw new TwainError("model/tensor-missing", `${folder}: ${name} is missing`);
    if (found.shape.join() !== shape.join()) {
      throw new TwainError(
        "model/tensor-shape",
        `${folder}: ${name} is [${found.shape.join(", ")}], config.json asks for [${shape.join(", ")}]`,
      );
    }
  }
}

/** A folder's config.json. Throws `model/missing-file`, `model/bad-json`, `model/bad-config`. */
export async function readConfig(folder: string): Promise<ModelConfig> {
  const raw = await readJson(join(folder, "config.json"));
  const parsed = ModelConfig.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new TwainError(
      "model/bad-config",
      `${join(folder, "config.json")}: ${issue?.path.join(".")}: ${issue?.message}`,
    );
  }
  return parsed.data;
}

/** Reads a model folder; weights become float32. */
export async function readModel(folder: string): Promise<Model> {
  const config = await readConfig(folder);
  const architecture = architectureOf(config);
  const tensors = new Map<string, StoredTensor>();
  for (const file of await weightFiles(folder)) {
    for (const [name, tensor] of (await readSafetensors(join(folder, file))).tensors)
      tensors.set(name, tensor);
  }
  checkTensors(folder, architecture.parameters(config), tensors);
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
