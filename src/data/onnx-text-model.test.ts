import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type TextModelSpec, writeTextModel } from "../../test/fakes/onnx-text-model.ts";
import { hashOnnxFolder, readOnnxFolder } from "./onnx-folder.ts";
import { type OnnxTextModel, chooseOutput, openOnnxTextModel } from "./onnx-text-model.ts";
import { createTokenWindows, windowsOver } from "./token-windows.ts";

const WORDS = "the river rose and fell all day while pilots swore at fog".split(" ");
/** Vectors whose sums are rounded, so that another order of adding would show. */
const words = Object.fromEntries(
  WORDS.map((word, i) => [
    word,
    Array.from({ length: 24 }, (_, k) => Math.sin(i * 31 + k * 7) * 3),
  ]),
);
const spec: TextModelSpec = { words, output: "tokens", length: 18 };
const { signal } = new AbortController();

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-onnx-"));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, "model-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function vectorsOf(
  texts: readonly string[],
  batch: number,
  pooling: "mean" | "first" = "mean",
): Promise<Float32Array[][]> {
  const model = await openOnnxTextModel(folder);
  try {
    const output = chooseOutput(model, ["last_hidden_state"], [2, 3], "feature-extraction");
    return await model.vectors(texts, { output, pooling, batch, signal });
  } finally {
    await model.close();
  }
}

const text = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 50 });

test("a text's vectors are the same bits alone and among others, in any batch and order", async () => {
  await writeTextModel(folder, spec);
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 9 }),
      async (lists, batch) => {
        const texts = lists.map((list) => list.join(" "));
        const together = await vectorsOf(texts, batch);
        const reversed = (await vectorsOf(texts.toReversed(), 64)).toReversed();
        const alone: Float32Array[][] = [];
        for (const each of texts) alone.push(...(await vectorsOf([each], 1)));
        expect(together).toEqual(alone);
        expect(reversed).toEqual(alone);
      },
    ),
    { numRuns: 15 },
  );
});

test("the mean is over the tokens of the text, special ones included; or the first token's vector", async () => {
  await writeTextModel(folder, spec);
  const [found, none] = await vectorsOf(["The RIVER rose", "  "], 4);
  const mean = found![0]!;
  // The two special tokens around the text have vectors of zeros.
  for (let k = 0; k < 24; k++) {
    const sum = ["the", "river", "rose"].reduce((total, word) => total + words[word]![k]!, 0);
    expect(mean[k]).toBeCloseTo(sum / 5, 5);
  }
  expect(none).toEqual([]);
  expect(await vectorsOf(["river"], 4, "first")).toEqual([[new Float32Array(24)]]);
});

test("windows cover every token, are all of one size, and neighbours share a quarter or more", () => {
  fc.assert(
    fc.property(fc.nat(3000), fc.integer({ min: 1, max: 200 }), (count, size) => {
      const windows = windowsOver(count, size);
      const covered = new Uint8Array(count);
      const sizes = windows.map(([from, to]) => to - from);
      const shared = windows.slice(1).map(([from], i) => windows[i]![1] - from);
      for (const [from, to] of windows) covered.fill(1, from, to);
      expect(new Set([...sizes, Math.min(size, count)]).size).toBe(1);
      expect(Math.min(size, ...shared)).toBeGreaterThanOrEqual(Math.floor(size / 4));
      expect(covered.every((x) => x === 1)).toBe(true);
    }),
  );
});

test("every window stands between the special tokens, and none is longer than the model reads", async () => {
  await writeTextModel(folder, spec);
  const windows = createTokenWindows(await readOnnxFolder(folder))(
    Array(100).fill("fog").join(" "),
  );
  expect(windows.length).toBeGreaterThan(5);
  for (const window of windows) {
    expect(window).toHaveLength(18);
    expect([window[0], window.at(-1)]).toEqual([2, 3]);
  }
  // Positions of RoBERTa begin behind the padding's: of 18 it reads 16.
  await writeFile(
    join(folder, "config.json"),
    JSON.stringify({ model_type: "roberta", max_position_embeddings: 18, pad_token_id: 1 }),
  );
  expect(
    createTokenWindows(await readOnnxFolder(folder))(WORDS.join(" ").repeat(9))[0],
  ).toHaveLength(16);
});

test("weights that lie beside the model are read; those of any other file are not", async () => {
  await writeTextModel(folder, spec);
  const expected = await vectorsOf(["the river rose"], 1);
  await writeTextModel(folder, { ...spec, weightsIn: "model.onnx_data" });
  expect(await vectorsOf(["the river rose"], 1)).toEqual(expected);
  for (const name of ["other.bin", "../outside.bin"]) {
    await writeTextModel(folder, { ...spec, weightsIn: name });
    await expect(vectorsOf(["fog"], 1)).rejects.toMatchObject({ code: "curate/model-broken" });
  }
});

test("an abort stops between two runs", async () => {
  await writeTextModel(folder, spec);
  const model = await openOnnxTextModel(folder);
  const output = chooseOutput(model, ["last_hidden_state"], [3], "x");
  await expect(
    model.vectors(["fog"], { output, pooling: "mean", batch: 1, signal: AbortSignal.abort() }),
  ).rejects.toThrow(/abort/i);
  await model.close();
});

test("the hash covers every file of the model, and nothing else; where the folder lies does not count", async () => {
  await writeTextModel(folder, spec, "onnx/model.onnx");
  const before = await hashOnnxFolder(folder);
  expect(before.map(([name]) => name)).toEqual([
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "onnx/model.onnx",
  ]);
  await writeFile(join(folder, "README.md"), "other");
  expect(await hashOnnxFolder(folder)).toEqual(before);
  expect(await hashOnnxFolder(`${folder}/`)).toEqual(before);
  const elsewhere = await mkdtemp(join(root, "model-"));
  await writeTextModel(elsewhere, spec, "onnx/model.onnx");
  expect(await hashOnnxFolder(elsewhere)).toEqual(before);
  await writeTextModel(
    folder,
    { ...spec, words: { ...words, fog: words.the! } },
    "onnx/model.onnx",
  );
  expect(await hashOnnxFolder(folder)).not.toEqual(before);
  await writeFile(join(folder, "onnx", "model.onnx_data"), "weights");
  expect((await hashOnnxFolder(folder)).map(([name]) => name)).toContain("onnx/model.onnx_data");
});

/** Opens, and reads a text if that works. */
async function use(): Promise<unknown> {
  let model: OnnxTextModel | undefined;
  try {
    model = await openOnnxTextModel(folder);
    const output = chooseOutput(model, ["last_hidden_state"], [3], "feature-extraction");
    return await model.vectors(["fog and day"], { output, pooling: "mean", batch: 4, signal });
  } finally {
    await model?.close();
  }
}

test("a folder that is wrong is told by its code, the file's name and what to do", async () => {
  const refusal = (code: string, says: string): Promise<void> =>
    expect(use()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(says) as string,
      hint: expect.any(String) as string,
    });
  await rm(folder, { recursive: true });
  await refusal("curate/model-missing", folder);
  const whole = (changed: Partial<TextModelSpec> = {}): Promise<string> =>
    writeTextModel(folder, { ...spec, ...changed });
  for (const name of ["model.onnx", "config.json", "tokenizer.json"]) {
    await whole();
    await rm(join(folder, name));
    await refusal("curate/model-missing", join(folder, name));
    await whole();
    await truncate(join(folder, name), 40);
    await refusal("curate/model-broken", join(folder, name));
  }
  await whole();
  await writeFile(join(folder, "config.json"), '{"max_position_embeddings":"many"}');
  await refusal("curate/model-broken", "config.json: max_position_embeddings");
  await writeFile(join(folder, "config.json"), `{"x":"${"x".repeat(1 << 20)}"}`);
  await refusal("curate/model-broken", "more than 1048576");
  await whole();
  await writeFile(join(folder, "tokenizer.json"), '{"model":{"type":"Unheard"}}');
  await refusal("curate/model-broken", "tokenizer.json");
  await whole({ length: 2 });
  await refusal("curate/model-broken", "none is left for text");
  await whole({ inputs: ["input_ids", "attention_mask", "pixel_values"] });
  await refusal("curate/model-unfit", "pixel_values");
  await whole({ inputs: ["attention_mask"] });
  await refusal("curate/model-unfit", "no input input_ids");
  await whole({ inputShape: [1, 128] });
  await refusal("curate/model-unfit", "fixed size [1, 128]");
  await whole({ output: "sentence", outputName: "logits" });
  await refusal("curate/model-unfit", "logits (float32, 2 dimensions)");
  await whole({ words: { ...words, fog: words.fog!.map(() => NaN) } });
  await refusal("curate/model-numbers", '"fog and day"');
  // The tokenizer of a model with more words.
  await whole();
  const small = await readFile(join(folder, "model.onnx"));
  await whole({ words: { one: words.the!, ...words } });
  await writeFile(join(folder, "model.onnx"), small);
  await refusal("curate/model-failed", "model.onnx");
  await whole();
  await expect(use()).resolves.toHaveLength(1);
});
