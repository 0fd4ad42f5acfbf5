/** The engine's operators and the trainer's graphs give the same numbers on WebGPU as on the CPU. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "../src/core/random.ts";
import {
  type DType,
  type Feed,
  Graph,
  type Program,
  type Resident,
  type Tensor,
  type Value,
  add,
  compile,
  ops,
  simplify,
  upload,
  value,
} from "../src/engine/index.ts";
import { normals } from "../src/engine/finite-differences.ts";
import { pullback } from "../src/engine/grad.ts";
import { inferenceOps } from "../src/engine/ops/inference.ts";
import { opCases } from "../src/engine/ops/test-cases.ts";
import { initLora, loraModules } from "../src/models/lora.ts";
import { frozenFeeds, quantizeModel } from "../src/models/quantize/quantized-model.ts";
import { type Trained, lossAndGradients } from "../src/train/graphs.ts";
import { packOnce } from "../src/train/packing.ts";
import { Trainer } from "../src/train/trainer.ts";
import { findWebGpu } from "./fakes/find-webgpu.ts";
import { randomExample, tinyConfig, tinyModel, tinyTraining } from "./fakes/tiny-model.ts";

const found = await findWebGpu();
const adapter = found.works
  ? found.adapter
  : `no WebGPU adapter, so nothing is tested: ${found.reason}`;

if (!found.works) console.warn(`${adapter}; see docs/gpu.md for a software adapter`);

type Results = Record<string, Value>;

/** Largest difference of two values, relative to the largest number of the first, or to `least`. */
function distance(a: Value, b: Value, least = 1e-3): number {
  expect([b.dtype, b.shape]).toEqual([a.dtype, a.shape]);
  let [worst, size] = [0, least];
  for (let i = 0; i < a.data.length; i++) {
    const [x, y] = [Number(a.data[i]), Number(b.data[i])];
    size = Math.max(size, Math.abs(x));
    worst = Math.max(worst, Object.is(x, y) ? 0 : Math.abs(x - y));
  }
  return worst / size;
}

// A software adapter that shares its cores compiles shaders slowly.
describe.skipIf(!found.works)(`on ${adapter}`, { timeout: 600_000 }, () => {
  // Compiled shaders live as long as a session does.
  let warm: Program;
  beforeAll(async () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [1]);
    graph.output("y", add(x, x));
    warm = await compile(graph, { device: "webgpu" });
  });
  afterAll(() => warm.release());

  async function onBoth(
    graph: Graph,
    feeds: Results,
    stays: Results = {},
  ): Promise<[Results, Results]> {
    const run = async (device: "cpu" | "webgpu"): Promise<Results> => {
      const program = await compile(graph, { device });
      let resident: Resident | undefined;
      try {
        if (device === "webgpu") resident = await upload(stays, device);
        const all: Record<string, Feed> = { ...feeds, ...stays, ...resident?.values };
        const first = await program.run(all);
        // What lies on the device is not used up.
        if (resident) expect((await program.run(all))["loss"]).toEqual(first["loss"]);
        return first;
      } finally {
        await program.release();
        await resident?.release();
      }
    };
    return [await run("cpu"), await run("webgpu")];
  }

  describe("every operator of training and its gradient", () => {
    const trained = ops.filter((op) => !inferenceOps.includes(op));
    let cpu: Results;
    let gpu: Results;
    beforeAll(async () => {
      // One graph, for a graph is what takes time to load.
      const graph = new Graph();
      const feeds: Results = {};
      const random = createRandom(5);
      for (const { name } of trained) {
        for (const [k, { build, inputs }] of opCases[name]!.entries()) {
          const tensors = inputs.map((x, i) => {
            const key = `${name} ${k} x${i}`;
            feeds[key] = x;
            return graph.input(key, x.dtype, x.shape);
          });
          const y = build(...tensors);
          graph.output(`${name} ${k}`, y);
          const floats = tensors.filter((x) => x.dtype === "float32");
          if (y.dtype !== "float32" || floats.length === 0) continue;
          const dy = `${name} ${k} dy`;
          feeds[dy] = normals(random, y.shape);
          pullback([y], [graph.input(dy, "float32", y.shape)], floats).forEach((gradient, i) =>
            graph.output(`${name} ${k} d${i}`, gradient),
          );
        }
      }
      [cpu, gpu] = await onBoth(graph, feeds);
    }, 600_000);

    test.each(trained.map(({ name }) => name))("%s", (name) => {
      const keys = Object.keys(cpu).filter((key) => key.startsWith(`${name} `));
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(distance(cpu[key]!, gpu[key]!), key).toBeLessThan(1e-5);
    });
  });

  test.each<DType>(["float32", "float16", "int64", "int32", "uint16", "uint8", "int8"])(
    "%s is kept on the device as it is",
    async (dtype) => {
      const graph = new Graph();
      const numbers = value(dtype, [2, 3], [0, 1, 2, 3, 100, 127]);
      graph.output("y", graph.input("x", dtype, [2, 3]));
      const [cpu, gpu] = await onBoth(graph, {}, { x: numbers });
      expect(gpu).toEqual(cpu);
    },
  );

  describe("training", () => {
    const model = tinyModel(1, { ...tinyConfig, num_hidden_layers: 1 });
    const modules = loraModules(model.architecture.parameters(model.config), { rank: 2, alpha: 4 });
    const start = initLora(modules, createRandom(2), model.tensors);
    const random = createRandom(3);
    for (const [name, data] of start)
      if (name.includes("lora_B")) data.forEach((_, i) => (data[i] = 0.1 * random.normal()));
    const lora: Trained = { kind: "lora", modules };
    const all: Trained = { kind: "all" };
    const everything = new Map([...model.tensors].map(([name, { data }]) => [name, data]));
    const examples = [randomExample(1, 16), randomExample(2, 8), randomExample(3, 20)];
    const batches = [...packOnce(examples, 2, 24)];
    const shape = { rows: batches[0]!.rows, length: 24, predictors: 48 };

    test.each([
      ["an adapter", model, lora, start, false],
      ["an adapter, layers recomputed", model, lora, start, true],
      ["every weight", model, all, everything, false],
      ["an adapter over NF4, layers recomputed", quantizeModel(model, "nf4"), lora, start, true],
      ["an adapter over int8", quantizeModel(model, "int8"), lora, start, false],
    ] as const)("%s: loss and gradients", async (_, base, trained, weights, recompute) => {
      const trainer = new Trainer(base, trained, weights, { ...tinyTraining, recompute });
      const feeds = trainer.feeds(batches[0]!, shape);
      const graph = lossAndGradients(base, trained, shape, { recompute });
      const [cpu, gpu] = await onBoth(graph, feeds, trained === lora ? frozenFeeds(base) : {});
      expect(Object.keys(gpu)).toEqual(Object.keys(cpu));
      for (const [name, x] of Object.entries(cpu))
        expect(distance(x, gpu[name]!), name).toBeLessThan(1e-4);
    });

    test("a trainer on the device takes the steps and gives the scores of one on the CPU", async () => {
      const trainers = (["cpu", "webgpu"] as const).map(
        (device) => new Trainer(model, lora, start, { ...tinyTraining, device }),
      ) as [Trainer, Trainer];
      for (let step = 0; step < 3; step++) {
        const [a, b] = [
          await trainers[0].train(batches, 1e-3),
          await trainers[1].train(batches, 1e-3),
        ];
        expect(b.loss).toBeCloseTo(a.loss, 4);
        expect(b.gradNorm).toBeCloseTo(a.gradNorm, 3);
      }
      const [a, b] = [await trainers[0].validLoss(examples), await trainers[1].validLoss(examples)];
      expect(b).toBeCloseTo(a, 4);
      for (const trainer of trainers) await trainer.release();
    });
  });
});

test("what WebGPU has no kernel for is said in other operators", () => {
  const model = tinyModel(1);
  const shape = { rows: 1, length: 8, predictors: 8 };
  const graph = simplify(lossAndGradients(model, { kind: "all" }, shape, { recompute: false }), {
    webgpu: true,
  });
  const transposed = (x: Tensor[], attrs: object): boolean =>
    x.some(({ shape: { length } }) => length > 2) && JSON.stringify(attrs).includes("1");
  for (const { op, inputs, attrs } of graph.nodes) {
    expect(op.name).not.toBe("LogSoftmax");
    if (op.name === "MatMul") expect(transposed([...inputs], attrs)).toBe(false);
  }
});
