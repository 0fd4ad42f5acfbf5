/** Model folders that come from outside: sharded ones, and all the ways in which they are incomplete. */
import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packageRoot } from "../core/package-root.ts";
import { readModel, writeModel } from "./folder.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

/** Three shards of bfloat16 and their index, as transformers wrote them. */
const sharded = join(packageRoot(), "test", "golden", "llama31");
const INDEX = "model.safetensors.index.json";
const second = "model-00002-of-00003.safetensors";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-folder-"));
  for (const name of await readdir(sharded))
    if (name.startsWith("model") || name === "config.json")
      await cp(join(sharded, name), join(folder, name));
});
afterEach(() => rm(folder, { recursive: true }));

async function edit(
  name: string,
  change: (json: Record<string, unknown>) => object,
): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, "utf8")))));
}

test("shards are one model; written whole it is the same, config and all", async () => {
  const model = await readModel(folder);
  const whole = join(folder, "whole");
  await writeModel(whole, model.config, model.tensors);
  const again = await readModel(whole);
  expect(again.tensors).toEqual(model.tensors);
  expect(again.config).toEqual(model.config);
  expect(again.hash).toBe(model.hash);
  expect(model.config).toMatchObject({ rope_theta: 500, rope_parameters: { rope_type: "llama3" } });
});

describe("what is wrong is named, with the file and what to do", () => {
  const cases: [string, () => Promise<unknown>, string, RegExp][] = [
    [
      "a shard is missing",
      () => rm(join(folder, second)),
      "model/missing-shard",
      new RegExp(second),
    ],
    [
      "a shard is cut short",
      () => truncate(join(folder, second), 9000),
      "model/bad-safetensors",
      new RegExp(`${second}: cut short`),
    ],
    [
      "a shard is of another model",
      async () => {
        const { tensors } = await readSafetensors(join(folder, second));
        const shape = [3, 32];
        tensors.set("model.layers.1.self_attn.q_proj.weight", {
          shape,
          data: new Float32Array(96),
        });
        await writeSafetensors(join(folder, second), tensors);
      },
      "model/tensor-shape",
      /q_proj\.weight is \[3, 32\], config\.json asks for \[32, 32\]/,
    ],
    [
      "a shard lacks a tensor",
      () => writeSafetensors(join(folder, second), new Map()),
      "model/tensor-missing",
      new RegExp(`is missing from ${second}`),
    ],
    [
      "the index leads out of the folder",
      () => edit(INDEX, () => ({ weight_map: { a: "../../etc/passwd" } })),
      "model/missing-shard",
      /passwd/,
    ],
    [
      "the index is something else",
      () => edit(INDEX, () => ({ weight_map: [1] })),
      "model/bad-json",
      /weight_map/,
    ],
    [
      "the weights are a pickle",
      async () => {
        await rm(join(folder, INDEX));
        await writeFile(join(folder, "pytorch_model.bin"), "");
      },
      "model/missing-file",
      /no model\.safetensors/,
    ],
    [
      "untied embeddings without an output layer",
      () => edit("config.json", (config) => ({ ...config, tie_word_embeddings: false })),
      "model/tensor-missing",
      /lm_head\.weight/,
    ],
    [
      "an absurd number of layers",
      () => edit("config.json", (config) => ({ ...config, num_hidden_layers: 1e9 })),
      "model/bad-config",
      /num_hidden_layers/,
    ],
    [
      "a head of odd width",
      () => edit("config.json", (config) => ({ ...config, head_dim: 7 })),
      "model/unsupported",
      /width 7/,
    ],
    [
      "another activation",
      () => edit("config.json", (config) => ({ ...config, hidden_act: "gelu" })),
      "model/unsupported",
      /"gelu"/,
    ],
    [
      "a family we do not run",
      () => edit("config.json", (config) => ({ ...config, model_type: "mamba" })),
      "model/unsupported",
      /"mamba"/,
    ],
    [
      "a config that is cut short",
      () => truncate(join(folder, "config.json"), 100),
      "model/bad-json",
      /config\.json/,
    ],
    [
      "a weight that is no number",
      async () => {
        const { tensors } = await readSafetensors(join(folder, second));
        tensors.get("model.layers.1.self_attn.q_proj.weight")!.data[7] = Number.NaN;
        await writeSafetensors(join(folder, second), tensors);
      },
      "model/not-finite",
      new RegExp(`${second}: model.layers.1.self_attn.q_proj.weight holds NaN`),
    ],
    ["no config", () => rm(join(folder, "config.json")), "model/missing-file", /config\.json/],
  ];
  test.each(cases)("%s", async (_name, harm, code, message) => {
    await harm();
    await expect(readModel(folder)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });
});
