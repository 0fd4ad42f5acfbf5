import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { randomExample, tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import { createRandom } from "../core/random.ts";
import { Trainer } from "../train/trainer.ts";
import { readModel, writeModel } from "./folder.ts";
import { initLora, loraModules } from "./lora.ts";
import { mergeAdapter, readAdapter, writeAdapter } from "./peft.ts";
import { readSafetensors } from "./safetensors.ts";

const lora = { rank: 3, alpha: 6, targets: "all-linear" as const };
const training = {
  sequenceLength: 16,
  microBatch: 2,
  beta1: 0.9,
  beta2: 0.9,
  epsilon: 1e-8,
  weightDecay: 0,
  gradientClip: 0,
  recompute: false,
};
const model = tinyModel(3);
const modules = loraModules(model.architecture.parameters(model.config), lora);
const random = createRandom(8);
const tensors = initLora(modules, random, model.tensors);
for (const data of tensors.values()) data.forEach((_, i) => (data[i] = 0.2 * random.normal()));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-peft-"));
});
afterEach(() => rm(folder, { recursive: true }));
const write = (): Promise<string[]> =>
  writeAdapter(folder, { lora, modules, tensors, baseName: "tiny", card: "# tiny\n" });

test("an adapter is read as it was written, under PEFT's names and required keys", async () => {
  await write();
  const { tensors: stored, metadata } = await readSafetensors(
    join(folder, "adapter_model.safetensors"),
  );
  expect([...stored.keys()]).toContain(
    "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
  );
  expect(stored.get("base_model.model.model.layers.1.mlp.down_proj.lora_B.weight")!.shape).toEqual([
    24, 3,
  ]);
  // Anything else in the file, and other programs would not load it.
  for (const name of stored.keys())
    expect(name).toMatch(/^base_model\.model\.model\.layers\.\d\.\S+_proj\.lora_[AB]\.weight$/);
  expect(metadata).toEqual({ format: "pt" });
  const config = JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"));
  expect(config).toMatchObject({
    peft_type: "LORA",
    r: 3,
    lora_alpha: 6,
    target_modules: ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"],
    task_type: "CAUSAL_LM",
    modules_to_save: null,
  });
  expect((await readAdapter(folder, model)).tensors).toEqual(tensors);
});

test("merged weights and adapter beside the weights are one function, and another than the base", async () => {
  await write();
  const adapter = await readAdapter(folder, model);
  const examples = [randomExample(1, 12), randomExample(2, 9)];
  const beside = new Trainer(model, { kind: "lora", modules }, tensors, training);
  const merged = mergeAdapter(model, adapter);
  const whole = (weights: typeof model.tensors): Trainer =>
    new Trainer(
      { ...model, tensors: weights },
      { kind: "all" },
      new Map([...weights].map(([name, { data }]) => [name, data])),
      training,
    );
  const [a, b, plain] = await Promise.all(
    [beside, whole(merged.tensors), whole(model.tensors)].map((trainer) => trainer.score(examples)),
  );
  a!.forEach((row, i) => expect(row.sum).toBeCloseTo(b![i]!.sum, 3));
  expect(Math.abs(a![0]!.sum - plain![0]!.sum)).toBeGreaterThan(0.05);
});

test("an adapter of another base, or one that changes nothing, is refused", async () => {
  await write();
  const wider = tinyModel(1, { ...tinyConfig, intermediate_size: 48 });
  await expect(readAdapter(folder, wider)).rejects.toMatchObject({ code: "model/adapter-unbound" });
  const shallower = tinyModel(1, { ...tinyConfig, num_hidden_layers: 1 });
  await expect(readAdapter(folder, shallower)).rejects.toMatchObject({
    code: "model/adapter-unbound",
  });
  await writeAdapter(folder, {
    lora,
    modules,
    tensors: initLora(modules, random, model.tensors),
    baseName: "tiny",
    card: "",
  });
  await expect(readAdapter(folder, model)).rejects.toMatchObject({ code: "model/adapter-empty" });
});

test("options that would change the numbers are refused by name", async () => {
  await write();
  const path = join(folder, "adapter_config.json");
  const config = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...config, bias: "all", modules_to_save: ["lm_head"] }));
  await expect(readAdapter(folder, model)).rejects.toThrow(/modules_to_save, bias/);
  await writeFile(path, JSON.stringify({ ...config, r: -1 }));
  await expect(readAdapter(folder, model)).rejects.toMatchObject({ code: "model/bad-config" });
  await writeFile(path, "{");
  await expect(readAdapter(folder, model)).rejects.toMatchObject({ code: "model/bad-json" });
});

test("patterns, rsLoRA, DoRA and dropout are written as PEFT writes them, and read back", async () => {
  const options = {
    rank: 3,
    alpha: 6,
    targets: String.raw`.*\.(q_proj|up_proj)`,
    rankPattern: { q_proj: 2 },
    alphaPattern: { [String.raw`layers\.1\.mlp\.up_proj`]: 9 },
    rslora: true,
    dora: true,
    dropout: 0.1,
  };
  const own = loraModules(model.architecture.parameters(model.config), options);
  const trained = initLora(own, random, model.tensors);
  for (const data of trained.values()) data.forEach((_, i) => (data[i]! += 0.1 * random.normal()));
  await writeAdapter(folder, {
    lora: options,
    modules: own,
    tensors: trained,
    baseName: "tiny",
    card: "",
  });
  expect(JSON.parse(await readFile(join(folder, "adapter_config.json"), "utf8"))).toMatchObject({
    target_modules: options.targets,
    rank_pattern: options.rankPattern,
    alpha_pattern: options.alphaPattern,
    use_rslora: true,
    use_dora: true,
    lora_dropout: 0.1,
  });
  const read = await readAdapter(folder, model);
  expect(read.modules).toEqual(own);
  expect(read.tensors).toEqual(trained);
});

test("a model folder is read as it was written; a wrong shape or a missing tensor names the tensor", async () => {
  await writeModel(folder, model.config, model.tensors);
  const read = await readModel(folder);
  expect(read.tensors).toEqual(model.tensors);
  const config = join(folder, "config.json");
  await writeFile(config, JSON.stringify({ ...model.config, intermediate_size: 44 }));
  await expect(readModel(folder)).rejects.toMatchObject({ code: "model/tensor-shape" });
  await writeFile(config, JSON.stringify({ ...model.config, num_hidden_layers: 3 }));
  await expect(readModel(folder)).rejects.toThrow(/model\.layers\.2\.\S+ is missing/);
  await writeFile(config, JSON.stringify({ ...model.config, model_type: "mamba" }));
  await expect(readModel(folder)).rejects.toMatchObject({ code: "model/unsupported" });
});
