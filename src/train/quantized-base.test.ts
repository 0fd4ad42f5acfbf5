/** Training on a packed base is training on the dense base of the same numbers. */
import { describe, expect, test } from "vitest";
import { randomExample, tinyModel, tinyTraining as config } from "../../test/fakes/tiny-model.ts";
import { createRandom } from "../core/random.ts";
import {
  type Graph,
  type Tensor,
  type Value,
  compile,
  simplify,
  sizeOf,
  value,
} from "../engine/index.ts";
import type { Recompute } from "../models/architecture.ts";
import { initLora, loraModules } from "../models/lora.ts";
import type { Quantization } from "../models/quantize/index.ts";
import type { Model } from "../models/folder.ts";
import { type Adapter, mergeAdapter } from "../models/peft.ts";
import {
  type QuantizedModel,
  frozenFeeds,
  quantizeModel,
} from "../models/quantize/quantized-model.ts";
import { type ModelShape, lossAndGradients } from "./graphs.ts";
import { packOnce } from "./packing.ts";
import { Trainer } from "./trainer.ts";

const quantizations: Quantization[] = ["nf4", "int4", "int8", "f16", "bf16"];
const model = tinyModel(1);
const lora = { rank: 4, alpha: 8 };
const modules = loraModules(model.architecture.parameters(model.config), lora);
const start = initLora(modules, createRandom(2), model.tensors);
const random = createRandom(3);
for (const [name, data] of start)
  if (name.includes("lora_B")) data.forEach((_, i) => (data[i] = 0.1 * random.normal()));
const trained = { kind: "lora", modules } as const;
const examples = [randomExample(1, 20), randomExample(2, 24)];
const batches = [...packOnce(examples, 2, 24)];

/** The float32 model of the very numbers that training on `model` sees. */
const dequantizeModel = ({ architecture, config, hash, tensors }: QuantizedModel): Model => ({
  architecture,
  config,
  hash,
  tensors: new Map(tensors),
});

async function gradients(base: ModelShape, recompute: Recompute, feeds: Record<string, Value>) {
  const shape = { rows: 1, length: 8, predictors: 6 };
  const program = await compile(lossAndGradients(base, trained, shape, { recompute }), {
    threads: 1,
  });
  const int64 = (dims: number[], items: number[]): Value => value("int64", dims, items);
  const head = model.config.hidden_size / model.config.num_attention_heads;
  const table = (f: (x: number) => number): Value =>
    value(
      "float32",
      [8, head],
      Array.from({ length: 8 * head }, (_, i) => f(Math.floor(i / head) / (1 + (i % (head / 2))))),
    );
  const results = await program.run({
    ...feeds,
    ids: int64([1, 8], [3, 1, 4, 1, 5, 9, 2, 6]),
    positions: int64([1, 8], [0, 1, 2, 3, 4, 5, 6, 7]),
    segments: int64([1, 8], [1, 1, 1, 1, 1, 1, 1, 1]),
    predictors: int64([6], [0, 1, 2, 3, 5, 6]),
    targets: int64([6], [1, 4, 1, 5, 2, 6]),
    rowWeights: value("float32", [6], [1, 1, 1, 1, 1, 0]),
    cos: table(Math.cos),
    sin: table(Math.sin),
  });
  await program.release();
  return new Map(Object.entries(results).map(([name, x]) => [name, x.data as Float32Array]));
}

const adapterFeeds = (tensors: ReadonlyMap<string, Float32Array>): Record<string, Value> =>
  Object.fromEntries(
    modules.flatMap(({ name, inFeatures, outFeatures }) => [
      [
        `${name}.lora_A.weight`,
        value("float32", [lora.rank, inFeatures], tensors.get(`${name}.lora_A.weight`)!),
      ],
      [
        `${name}.lora_B.weight`,
        value("float32", [outFeatures, lora.rank], tensors.get(`${name}.lora_B.weight`)!),
      ],
    ]),
  );

describe.each(quantizations)("%s", (quantization) => {
  const quantized = quantizeModel(model, quantization);
  const dense = dequantizeModel(quantized);

  test.each([false, true, "selective"] as const)(
    "same loss and gradients as the dense base, recompute %s",
    async (recompute) => {
      const adapter = adapterFeeds(start);
      const expected = await gradients(dense, recompute, { ...adapter, ...frozenFeeds(dense) });
      const actual = await gradients(quantized, recompute, {
        ...adapter,
        ...frozenFeeds(quantized),
      });
      expect([...actual.keys()]).toEqual([...expected.keys()]);
      for (const [name, numbers] of expected) {
        const scale = Math.max(1e-3, ...numbers.map(Math.abs));
        numbers.forEach((x, i) => {
          expect(Math.abs(x - actual.get(name)![i]!) / scale, name).toBeLessThan(1e-5);
        });
      }
    },
  );

  test("trains and scores as the dense base does", async () => {
    const [packed, plain] = [quantized, dense].map(
      (base) => new Trainer(base, trained, start, { ...config, recompute: true }),
    ) as [Trainer, Trainer];
    for (let step = 0; step < 3; step++) {
      const [a, b] = [await packed.train(batches, 1e-3), await plain.train(batches, 1e-3)];
      expect(a.loss).toBeCloseTo(b.loss, 5);
      expect(a.gradNorm).toBeCloseTo(b.gradNorm, 4);
    }
    const [a, b] = [await packed.score(examples), await plain.score(examples)];
    a.forEach(({ sum, tokens }, i) => {
      expect(tokens).toBe(b[i]!.tokens);
      expect(sum).toBeCloseTo(b[i]!.sum, 3);
    });
    await packed.release();
    await plain.release();
  });
});

test("an adapter merged into the dequantized base scores as it does beside the packed one", async () => {
  const quantized = quantizeModel(model, "nf4");
  const dense = dequantizeModel(quantized);
  const adapter: Adapter = { lora, modules, tensors: start };
  const scores = async (base: Model, beside: ReadonlyMap<string, Float32Array>) => {
    const trainer = new Trainer(base, trained, beside, config);
    const rows = await trainer.score(examples);
    await trainer.release();
    return rows.map(({ sum }) => sum);
  };
  const nothing = new Map([...start].map(([name, data]) => [name, new Float32Array(data.length)]));
  const expected = await scores(quantized, start);
  const merged = await scores(mergeAdapter(dense, adapter), nothing);
  const original = await scores(mergeAdapter(model, adapter), nothing);
  expected.forEach((sum, i) => {
    expect(merged[i]).toBeCloseTo(sum, 3);
    // Merged into the weights before quantization it is another model.
    expect(Math.abs(original[i]! - sum)).toBeGreaterThan(1e-2);
  });
});

test("gradients of the adapter over an NF4 base are the slopes of the loss", async () => {
  const quantized = quantizeModel(model, "nf4");
  const base = frozenFeeds(quantized);
  const rule = await gradients(quantized, true, { ...adapterFeeds(start), ...base });
  const lossAt = async (name: string, i: number, by: number): Promise<number> => {
    const data = start.get(name)!;
    const moved = new Map(start).set(name, data.with(i, data[i]! + by));
    return (await gradients(quantized, true, { ...adapterFeeds(moved), ...base })).get("loss")![0]!;
  };
  const step = 2e-2;
  for (const module of ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"]) {
    for (const name of [`${module}.lora_A.weight`, `${module}.lora_B.weight`]) {
      const slopes = rule.get(`d_${name}`)!;
      const steepest = slopes.reduce(
        (at, x, i) => (Math.abs(x) > Math.abs(slopes[at]!) ? i : at),
        0,
      );
      const measured =
        ((await lossAt(name, steepest, step)) - (await lossAt(name, steepest, -step))) / (2 * step);
      expect(Math.abs(slopes[steepest]! - measured), name).toBeLessThan(
        2e-2 * Math.abs(measured) + 1e-3,
      );
    }
  }
});

describe("what is unpacked", () => {
  const shape = { rows: 1, length: 8, predictors: 8 };

  /** Products that read a matrix made of packed bytes, and that matrix. */
  function products(graph: Graph): { x: Tensor; weight: Tensor }[] {
    const seen = new Map<number, boolean>();
    const packed = (x: Tensor): boolean => {
      const known = seen.get(x.id);
      if (known !== undefined) return known;
      const found =
        x.origin.kind === "input"
          ? x.dtype === "uint8"
          : x.origin.kind === "node" &&
            x.origin.node.op.name !== "MatMul" &&
            // One element to wait for is no use of the numbers.
            sizeOf(x.shape) > 1 &&
            x.origin.node.inputs.some(packed);
      seen.set(x.id, found);
      return found;
    };
    return graph.nodes
      .filter(({ op, inputs }) => op.name === "MatMul" && inputs[1]!.shape.length === 2)
      .map(({ inputs }) => ({ x: inputs[0]!, weight: inputs[1]! }))
      .filter(({ x, weight }) => packed(weight) && !packed(x));
  }

  /** A reshape is a view: what is waited for is the tensor behind it. */
  const source = (x: Tensor): Tensor =>
    x.origin.kind === "node" && x.origin.node.op.name === "Reshape"
      ? source(x.origin.node.inputs[0]!)
      : x;

  const reaches = (from: Tensor, to: Tensor, seen = new Set<number>()): boolean => {
    if (from.id === to.id) return true;
    if (from.origin.kind !== "node" || seen.has(from.id)) return false;
    seen.add(from.id);
    return from.origin.node.inputs.some((x) => reaches(x, to, seen));
  };

  test.each([false, true])(
    "serves one product, and waits for what it is multiplied with (recompute %s)",
    (recompute) => {
      const quantized: QuantizedModel = quantizeModel(model, "nf4");
      const graph = simplify(lossAndGradients(quantized, trained, shape, { recompute }));
      const found = products(graph);
      // Forward and backward, but the first layer's q, k and v, which no adapter comes before; and forward
      // again where it is recomputed, but each layer's last product, whose result no gradient reads.
      const forwardAndBackward = 2 * modules.length - 3;
      const again = modules.length - model.config.num_hidden_layers;
      expect(found.length).toBe(forwardAndBackward + (recompute ? again : 0));
      const uses = new Map<number, number>();
      for (const { weight } of found) uses.set(weight.id, (uses.get(weight.id) ?? 0) + 1);
      expect([...uses.values()].every((count) => count === 1)).toBe(true);
      for (const { x, weight } of found) expect(reaches(weight, source(x))).toBe(true);
    },
  );
});
