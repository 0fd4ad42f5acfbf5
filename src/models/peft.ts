/** Adapters in PEFT's directory format: adapter_config.json and adapter_model.safetensors. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { sha256 } from "../core/hash.ts";
import type { LoraConfig } from "../core/recipe.ts";
import {
  type LoraModule,
  type LoraShape,
  loraA,
  loraB,
  loraModules,
  loraShapes,
  mergeLora,
} from "./lora.ts";
import type { Model } from "./folder.ts";
import { type StoredTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";

/** PEFT puts its wrapper's path in front of the base model's own names. */
const PREFIX = "base_model.model.";

const off = z.union([z.literal(false), z.null()]).optional();
const patterns = <V extends z.ZodType>(value: V) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((found) => found ?? {});

/** What we read of a foreign adapter_config.json. */
const AdapterConfig = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.number().int().positive(),
  lora_alpha: z.number().positive(),
  use_rslora: z.boolean().default(false),
  use_dora: z.boolean().default(false),
  rank_pattern: patterns(z.number().int().positive()),
  alpha_pattern: patterns(z.number().positive()),
});

/** Options that would change the numbers, at the only values that we run. */
const Refused = z.looseObject({
  modules_to_save: z.array(z.string()).max(0).nullish(),
  bias: z.literal("none").optional(),
  fan_in_fan_out: off,
  lora_bias: off,
  use_qalora: off,
  use_bdlora: off,
  kasa_config: z.null().optional(),
  alora_invocation_tokens: z.null().optional(),
  layer_replication: z.array(z.unknown()).max(0).nullish(),
  trainable_token_indices: z.array(z.unknown()).max(0).nullish(),
  target_parameters: z.array(z.unknown()).max(0).nullish(),
});

export interface Adapter {
  lora: LoraShape;
  modules: LoraModule[];
  tensors: Map<string, Float32Array>;
}

/** The names that PEFT is to look for: of all-linear the last parts, which every loader knows. */
function targetModules(
  targets: LoraConfig["targets"],
  modules: readonly LoraModule[],
): string | string[] {
  if (targets === "all-linear")
    return [...new Set(modules.map(({ name }) => name.split(".").at(-1)!))].toSorted();
  return typeof targets === "string" ? targets : targets.toSorted();
}

/** `value` of a schema, or the error that names the key which has it otherwise. */
function readConfig<S extends z.ZodType>(
  schema: S,
  value: unknown,
  path: string,
  code: "model/bad-config" | "model/adapter-unsupported",
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TwainError(
    code,
    code === "model/bad-config"
      ? `${path}: ${issue?.path.join(".")}: ${issue?.message}`
      : `${path}: ${parsed.error.issues.map((each) => each.path[0]).join(", ")} is not supported`,
  );
}

/** Writes an adapter that PEFT, vLLM and our own loader read. Returns the paths. */
export async function writeAdapter(
  folder: string,
  adapter: {
    lora: LoraShape & Partial<Pick<LoraConfig, "dropout">>;
    modules: readonly LoraModule[];
    tensors: ReadonlyMap<string, Float32Array>;
    baseName: string;
    card: string;
  },
): Promise<string[]> {
  const { lora, modules, tensors } = adapter;
  const stored = new Map<string, StoredTensor>();
  for (const [name, shape] of loraShapes(modules))
    stored.set(PREFIX + name, { shape, data: tensors.get(name)! });
  const config = {
    alpha_pattern: lora.alphaPattern ?? {},
    auto_mapping: null,
    base_model_name_or_path: adapter.baseName,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout ?? 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: lora.rank,
    rank_pattern: lora.rankPattern ?? {},
    revision: null,
    target_modules: targetModules(lora.targets ?? "all-linear", modules),
    task_type: "CAUSAL_LM",
    use_dora: lora.dora ?? false,
    use_rslora: lora.rslora ?? false,
  };
  const paths = ["adapter_model.safetensors", "adapter_config.json", "README.md"].map((name) =>
    join(folder, name),
  );
  await writeSafetensors(paths[0]!, stored, { format: "pt" });
  await writeFileAtomic(paths[1]!, `${JSON.stringify(config, null, 2)}\n`);
  await writeFileAtomic(paths[2]!, adapter.card);
  return paths;
}

/** Reads an adapter for `model`. Throws `model/adapter-unbound` unless every tensor finds its module. */
export async function readAdapter(folder: string, model: Model): Promise<Adapter> {
  const path = join(folder, "adapter_config.json");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new TwainError("model/missing-file", `cannot read ${path}`, {
      hint: "An adapter folder holds adapter_config.json and adapter_model.safetensors.",
      cause,
    });
  });
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new TwainError("model/bad-json", `${path} is not JSON`, { cause });
  }
  const config = readConfig(AdapterConfig, raw, path, "model/bad-config");
  readConfig(Refused, raw, path, "model/adapter-unsupported");
  const lora: LoraShape = {
    rank: config.r,
    alpha: config.lora_alpha,
    rankPattern: config.rank_pattern,
    alphaPattern: config.alpha_pattern,
    rslora: config.use_rslora,
    dora: config.use_dora,
  };

  const { tensors: stored } = await readSafetensors(join(folder, "adapter_model.safetensors"));
  // Which modules have one is read from the tensors: they are what other loaders believe, too.
  const all = loraModules(model.architecture.parameters(model.config), lora);
  const modules = all.filter(({ name }) => stored.has(PREFIX + loraA(name)));
  const tensors = new Map<string, Float32Array>();
  for (const [name, shape] of loraShapes(modules)) {
    const found = stored.get(PREFIX + name);
    if (!found || found.shape.join() !== shape.join()) {
      throw new TwainError(
        "model/adapter-unbound",
        `${folder}: ${name} is ${found ? `[${found.shape.join(", ")}]` : "missing"}, this base needs [${shape.join(", ")}]`,
        { hint: "The adapter was trained on another base." },
      );
    }
    tensors.set(name, found.data);
  }
  if (tensors.size === 0 || tensors.size !== stored.size) {
    throw new TwainError(
      "model/adapter-unbound",
      `${folder}: ${tensors.size} of ${stored.size} adapter tensors fit this base`,
      { hint: "The adapter was trained on another base, or targets layers it does not have." },
    );
  }
  if (
    !config.use_dora &&
    modules.every(({ name }) => tensors.get(loraB(name))!.every((value) => value === 0))
  ) {
    throw new TwainError(
      "model/adapter-empty",
      `${folder}: every lora_B is zero, so the adapter changes nothing`,
    );
  }
  return { lora, modules, tensors };
}

/** SHA-256 of what the adapter does: modules, scales and numbers. */
export function adapterHash({ modules, tensors }: Adapter): string {
  const numbers = [...tensors]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { buffer, byteOffset, byteLength }]) => [
      name,
      sha256(new Uint8Array(buffer, byteOffset, byteLength)),
    ]);
  return sha256(JSON.stringify([modules, numbers]));
}

/** The model with the adapter folded into its weights, which are all float32 then: same function, one set of matrices. */
export function mergeAdapter(model: Model, adapter: Adapter): Model {
  const { architecture, config, hash } = model;
  const tensors = new Map(model.tensors);
  for (const module of adapter.modules) {
    const name = `${module.name}.weight`;
    const { shape, data } = tensors.get(name)!;
    tensors.set(name, { shape, data: mergeLora(data, module, adapter.tensors) });
  }
  return { architecture, config, hash, tensors };
}
