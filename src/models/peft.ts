/** Adapters in PEFT's directory format: adapter_config.json and adapter_model.safetensors. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import type { LoraConfig } from "../core/recipe.ts";
import { type LoraModule, loraA, loraB, loraModules, loraShapes, mergeLora } from "./lora.ts";
import type { Model } from "./folder.ts";
import { type StoredTensor, readSafetensors, writeSafetensors } from "./safetensors.ts";

/** PEFT puts its wrapper's path in front of the base model's own names. */
const PREFIX = "base_model.model.";

/** What we read of a foreign adapter_config.json; options that would change the numbers are refused. */
const AdapterConfig = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.number().int().positive(),
  lora_alpha: z.number().positive(),
  target_modules: z.union([z.string(), z.array(z.string())]),
  use_rslora: z.boolean().default(false),
  use_dora: z.boolean().default(false),
  modules_to_save: z.array(z.string()).nullish(),
  rank_pattern: z.record(z.string(), z.number()).default({}),
  alpha_pattern: z.record(z.string(), z.number()).default({}),
});

export interface Adapter {
  lora: Pick<LoraConfig, "rank" | "alpha">;
  modules: LoraModule[];
  tensors: Map<string, Float32Array>;
}

/** Writes an adapter that PEFT, vLLM and our own loader read. Returns the paths. */
export async function writeAdapter(
  folder: string,
  adapter: {
    lora: LoraConfig;
    modules: readonly LoraModule[];
    tensors: ReadonlyMap<string, Float32Array>;
    baseName: string;
    card: string;
  },
): Promise<string[]> {
  const { lora, modules, tensors } = adapter;
  const stored = new Map<string, StoredTensor>();
  for (const [name, shape] of loraShapes(modules, lora.rank))
    stored.set(PREFIX + name, { shape, data: tensors.get(name)! });
  const config = {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: adapter.baseName,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: lora.rank,
    rank_pattern: {},
    revision: null,
    target_modules: [...new Set(modules.map(({ name }) => name.split(".").at(-1)!))].toSorted(),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: false,
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
  const config = AdapterConfig.parse(JSON.parse(text));
  const refused = [
    config.use_dora && "use_dora",
    config.use_rslora && "use_rslora",
    (config.modules_to_save?.length ?? 0) > 0 && "modules_to_save",
    Object.keys(config.rank_pattern).length > 0 && "rank_pattern",
    Object.keys(config.alpha_pattern).length > 0 && "alpha_pattern",
  ].filter((name) => typeof name === "string");
  if (refused.length > 0)
    throw new TwainError(
      "model/adapter-unsupported",
      `${path}: ${refused.join(", ")} is not supported`,
    );

  const { tensors: stored } = await readSafetensors(join(folder, "adapter_model.safetensors"));
  const all = loraModules(model.architecture.parameters(model.config), "all-linear");
  const modules = all.filter(({ name }) => stored.has(PREFIX + loraA(name)));
  const tensors = new Map<string, Float32Array>();
  for (const [name, shape] of loraShapes(modules, config.r)) {
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
  if (modules.every(({ name }) => tensors.get(loraB(name))!.every((value) => value === 0))) {
    throw new TwainError(
      "model/adapter-empty",
      `${folder}: every lora_B is zero, so the adapter changes nothing`,
    );
  }
  return { lora: { rank: config.r, alpha: config.lora_alpha }, modules, tensors };
}

/** The model with the adapter folded into its weights: same function, one set of matrices. */
export function mergeAdapter(model: Model, adapter: Adapter): Model {
  const tensors = new Map(model.tensors);
  for (const module of adapter.modules) {
    const name = `${module.name}.weight`;
    const { shape, data } = tensors.get(name)!;
    tensors.set(name, {
      shape,
      data: mergeLora(
        data,
        adapter.tensors.get(loraA(module.name))!,
        adapter.tensors.get(loraB(module.name))!,
        module,
        adapter.lora,
      ),
    });
  }
  return { ...model, tensors };
}
