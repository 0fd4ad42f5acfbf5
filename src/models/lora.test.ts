/** Against numbers that PEFT and PyTorch computed (test/golden/make-lora.py). */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { goldenIds, runLora } from "../../test/golden/run-lora.ts";
import { tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import { packageRoot } from "../core/package-root.ts";
import { createRandom } from "../core/random.ts";
import { Decoder } from "../generate/decoder.ts";
import { readModel } from "./folder.ts";
import { type LoraShape, initLora, loraModules, loraShapes } from "./lora.ts";
import { patternValue, wholeName } from "./module-pattern.ts";
import { mergeAdapter, readAdapter } from "./peft.ts";
import { type StoredTensor, readSafetensors } from "./safetensors.ts";

const golden = join(packageRoot(), "test", "golden", "lora");
const base = await readModel(join(golden, "base"));

function expectNear(found: ArrayLike<number | bigint>, wanted: Float32Array, what: string): void {
  const largest = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const worst = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - Number(found[i]))), 0);
  expect(found.length, what).toBe(wanted.length);
  expect(largest, `${what} is nothing`).toBeGreaterThan(1e-3);
  expect(worst, what).toBeLessThan(2e-5 * Math.max(1, largest));
}

describe.each(["plain", "rslora", "dora", "patterns", "dropout", "dora-dropout"])(
  "the adapter %s, written by PEFT",
  (name) => {
    test("has PEFT's logits, loss and every gradient", async () => {
      const adapter = await readAdapter(join(golden, name), base);
      const { tensors: expected } = await readSafetensors(
        join(golden, name, "expected.safetensors"),
      );
      const masks = new Map<string, StoredTensor>();
      for (const [key, { shape, data }] of expected)
        if (key.startsWith("mask_"))
          masks.set(key.slice("mask_".length), { shape, data: data.map((x) => x / 0.75) });
      const found = await runLora(base, adapter, masks);
      const wanted = [...expected].filter(([key]) => !key.startsWith("mask_"));
      expect(Object.keys(found).toSorted()).toEqual(wanted.map(([key]) => key).toSorted());
      for (const [key, { data }] of wanted) expectNear(found[key]!.data, data, key);
    });

    test.skipIf(name.endsWith("dropout"))(
      "merged or beside the base, decodes to PEFT's logits",
      async () => {
        const adapter = await readAdapter(join(golden, name), base);
        const { tensors } = await readSafetensors(join(golden, name, "expected.safetensors"));
        const expected = tensors.get("logits")!.data.slice(-base.config.vocab_size);
        const size = { slots: 1, contextTokens: 16 };
        const merged = new Decoder(mergeAdapter(base, adapter), size);
        expectNear(await merged.prefill(goldenIds, 0), expected, name);
        await merged.release();
        const beside = new Decoder(base, { ...size, adapters: [adapter] });
        expectNear(await beside.prefill(goldenIds, 0, { adapter: 0 }), expected, name);
        await beside.release();
      },
    );
  },
);

const parameters = tinyModel(1).architecture.parameters(tinyConfig);
const modulesOf = (lora: Partial<LoraShape>): ReturnType<typeof loraModules> =>
  loraModules(parameters, { rank: 8, alpha: 16, ...lora });
const names = (lora: Partial<LoraShape>): string[] =>
  modulesOf(lora).map(({ name }) => name.replace("model.layers.", ""));

describe("targets", () => {
  test("are all linear layers, names, ends of names, or one expression for the whole name", () => {
    expect(names({ targets: "all-linear" })).toHaveLength(14);
    expect(names({ targets: ["q_proj", "layers.1.mlp.up_proj"] })).toEqual([
      "0.self_attn.q_proj",
      "1.self_attn.q_proj",
      "1.mlp.up_proj",
    ]);
    expect(names({ targets: String.raw`.*\.1\.self_attn\.(q|k)_proj` })).toEqual([
      "1.self_attn.q_proj",
      "1.self_attn.k_proj",
    ]);
  });

  test.each(["q_proj", ["q_prj"], String.raw`layers\.0\.self_attn\.q_proj`])(
    "%j, which matches no whole name, is refused",
    (targets) => {
      expect(() => modulesOf({ targets })).toThrow(/match no linear layer/);
    },
  );

  test.each([["lm_head"], [["q_proj", "embed_tokens"]], [".*"]])(
    "%j, which means a tied embedding, is refused with the reason",
    (targets) => {
      expect(() => modulesOf({ targets })).toThrow(/embedding and output layer in one/);
    },
  );

  test("the output layer takes no adapter where it is not tied, either", () => {
    const untied = { ...tinyConfig, tie_word_embeddings: false };
    const own = tinyModel(1, untied).architecture.parameters(untied);
    expect(() => loraModules(own, { rank: 1, alpha: 1, targets: ["lm_head"] })).toThrow(
      /lm_head, which takes no adapter/,
    );
  });
});

test("ranks and alphas follow the first pattern that matches the end of a name", () => {
  const found = modulesOf({
    targets: ["q_proj", "up_proj"],
    rankPattern: { [String.raw`layers\.1\.self_attn\.q_proj`]: 2, q_proj: 4, roj: 1 },
    alphaPattern: { up_proj: 24 },
  });
  expect(found.map(({ rank, scale }) => [rank, scale])).toEqual([
    [4, 4],
    [8, 3],
    [2, 8],
    [8, 3],
  ]);
  const shapes = loraShapes(found);
  expect(shapes.get("model.layers.1.self_attn.q_proj.lora_A.weight")).toEqual([
    2,
    tinyConfig.hidden_size,
  ]);
  expect(modulesOf({ rslora: true })[0]!.scale).toBeCloseTo(16 / Math.sqrt(8), 12);
});

test("an untrained adapter is nothing, with DoRA too", async () => {
  for (const dora of [false, true]) {
    const lora = { rank: 4, alpha: 8, dora };
    const modules = loraModules(base.architecture.parameters(base.config), lora);
    const tensors = initLora(modules, createRandom(4), base.tensors);
    const { logits } = await runLora(base, { lora, modules, tensors });
    const none = await runLora(base, { lora, modules: [], tensors: new Map() });
    expectNear(logits!.data, none["logits"]!.data as Float32Array, `dora ${dora}`);
  }
});

test("a rank too large for thin products is summed into the weight, with the same loss and gradients", async () => {
  const lora = { rank: 24, alpha: 12 };
  const modules = loraModules(base.architecture.parameters(base.config), lora);
  const random = createRandom(5);
  const tensors = new Map(
    [...initLora(modules, random, base.tensors)].map(([name, data]) => [
      name,
      data.map((x) => x + 0.1 * random.normal()),
    ]),
  );
  const summed = await runLora(base, { lora, modules, tensors });
  // What changes an adapter's input keeps it apart from the weight; this changes it by nothing.
  const ones = { shape: [1], data: Float32Array.of(1) };
  const apart = await runLora(
    base,
    { lora, modules, tensors },
    new Map(modules.map(({ name }) => [name, ones])),
  );
  expect(Object.keys(summed)).toEqual(Object.keys(apart));
  for (const [name, { data }] of Object.entries(apart))
    expectNear(summed[name]!.data, data as Float32Array, name);
});

test.each(["(a+)+", "(a|b)*x", "a*b*c*d*e*", "(", "x".repeat(400)])(
  "the pattern %j is refused",
  (pattern) => {
    for (const use of [wholeName, (key: string) => patternValue({ [key]: 1 })])
      expect(() => use(pattern)).toThrow(expect.objectContaining({ code: "model/bad-pattern" }));
  },
);
