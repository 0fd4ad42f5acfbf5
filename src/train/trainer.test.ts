import { describe, expect, test } from "vitest";
import { randomExample, tinyModel, tinyTraining as config } from "../../test/fakes/tiny-model.ts";
import { createRandom } from "../core/random.ts";
import { type LoraShape, initLora, loraModules } from "../models/lora.ts";
import type { Example } from "../tokenizer/example.ts";
import { lossAndGradients } from "./graphs.ts";
import { type PackedBatch, type Placement, buildBatch, packOnce } from "./packing.ts";
import { Trainer, type TrainerConfig } from "./trainer.ts";

function loraTrainer(
  overrides: Partial<TrainerConfig> = {},
  lora: Partial<LoraShape> = {},
  noise: { dropout?: number; plusRatio?: number; seed?: number } = {},
): Trainer {
  const model = tinyModel(1);
  const modules = loraModules(model.architecture.parameters(model.config), {
    rank: 4,
    alpha: 8,
    ...lora,
  });
  const start = initLora(modules, createRandom(2), model.tensors);
  // B starts at zero; noise makes every path count from the first step.
  const random = createRandom(3);
  for (const [name, data] of start)
    if (name.includes("lora_B")) data.forEach((_, i) => (data[i] = 0.1 * random.normal()));
  const { seed = 0, ...rest } = noise;
  return new Trainer(
    model,
    { kind: "lora", modules, ...rest },
    start,
    { ...config, ...overrides },
    { random: createRandom(seed) },
  );
}

const one = (example: Example, length = config.sequenceLength): ReturnType<typeof buildBatch> =>
  buildBatch([{ example, row: 0, start: 0 }], 1, length);

function expectClose(
  a: Map<string, Float32Array>,
  b: Map<string, Float32Array>,
  tolerance: number,
): void {
  expect([...a.keys()]).toEqual([...b.keys()]);
  for (const [name, data] of a) {
    const other = b.get(name)!;
    const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - other[i]!)), 0);
    expect(worst, name).toBeLessThan(tolerance);
  }
}

describe("packed training equals unpacked training", () => {
  const examples = [
    randomExample(1, 7),
    randomExample(2, 9),
    randomExample(3, 6),
    randomExample(4, 13),
  ];

  test("loss and adapter weights after a step agree", async () => {
    const packed = loraTrainer();
    const apart = loraTrainer();
    const placements: Placement[] = [
      { example: examples[0]!, row: 0, start: 0 },
      { example: examples[1]!, row: 0, start: 7 },
      { example: examples[2]!, row: 0, start: 16 },
      { example: examples[3]!, row: 1, start: 0 },
    ];
    const together = await packed.train([buildBatch(placements, 2, 24)], 1e-2);
    const alone = await apart.train(
      examples.map((example) => one(example)),
      1e-2,
    );
    expect(together.loss).toBeCloseTo(alone.loss, 5);
    expect(together.gradNorm).toBeCloseTo(alone.gradNorm, 5);
    expectClose(packed.state().weights, apart.state().weights, 1e-5);
  });

  test("scores of each example do not depend on its neighbours", async () => {
    const trainer = loraTrainer();
    const together = await trainer.score(examples);
    for (const [i, example] of examples.entries()) {
      const [alone] = await trainer.score([example]);
      expect(together[i]!.tokens).toBe(alone!.tokens);
      expect(together[i]!.sum).toBeCloseTo(alone!.sum, 4);
    }
  });

  test("without the block-diagonal mask the loss would differ", async () => {
    const trainer = loraTrainer();
    const joined: Example = {
      id: "joined",
      ids: Int32Array.from([...examples[0]!.ids, ...examples[1]!.ids]),
      trained: Uint8Array.from([...examples[0]!.trained, ...examples[1]!.trained]),
    };
    const [leaky] = await trainer.score([joined]);
    const [a, b] = await trainer.score(examples.slice(0, 2));
    expect(Math.abs(leaky!.sum - (a!.sum + b!.sum))).toBeGreaterThan(1e-2);
  });
});

test.each(["adamw", "muon"] as const)(
  "four micro-batches of one equal one of four, with unequal lengths: %s",
  async (optimizer) => {
    const examples = [
      randomExample(5, 4),
      randomExample(6, 20),
      randomExample(7, 11),
      randomExample(8, 17),
    ];
    const accumulated = loraTrainer({ optimizer });
    const whole = loraTrainer({ optimizer });
    for (let step = 0; step < 3; step++) {
      await accumulated.train(
        examples.map((example) => one(example)),
        1e-2,
      );
      await whole.train(
        [
          buildBatch(
            examples.map((example, row) => ({ example, row, start: 0 })),
            4,
            24,
          ),
        ],
        1e-2,
      );
    }
    expectClose(accumulated.state().weights, whole.state().weights, 1e-5);
  },
);

test.each([true, "selective"] as const)(
  "recompute %s changes nothing but memory",
  async (recompute) => {
    const examples = [randomExample(9, 10), randomExample(10, 12)];
    const plain = loraTrainer();
    const recomputed = loraTrainer({ recompute });
    const batch = [...packOnce(examples, 1, 24)];
    const [a, b] = [await plain.train(batch, 1e-2), await recomputed.train(batch, 1e-2)];
    expect(b.loss).toBeCloseTo(a.loss, 6);
    expectClose(plain.state().weights, recomputed.state().weights, 1e-6);
  },
);

test("a row of nothing but padding changes neither loss nor weights", async () => {
  const batches = (rows: number): PackedBatch[] => [
    buildBatch([{ example: randomExample(13, 10), row: 0, start: 0 }], rows, 24),
  ];
  const [padded, plain] = [loraTrainer(), loraTrainer()];
  for (let step = 0; step < 2; step++) {
    const [a, b] = [await padded.train(batches(2), 1e-2), await plain.train(batches(1), 1e-2)];
    expect(a.loss).toBeCloseTo(b.loss, 5);
    expect(a.gradNorm).toBeCloseTo(b.gradNorm, 5);
  }
  expectClose(padded.state().weights, plain.state().weights, 1e-5);
});

test.each(["adamw", "muon"] as const)(
  "training everything lowers the loss of a fixed batch: %s",
  async (optimizer) => {
    const model = tinyModel(1);
    const trainer = new Trainer(
      model,
      { kind: "all" },
      new Map([...model.tensors].map(([name, { data }]) => [name, data])),
      { ...config, optimizer },
    );
    const batch = [...packOnce([randomExample(11, 20), randomExample(12, 20)], 2, 24)];
    const first = await trainer.train(batch, 1e-2);
    let last = first;
    for (let step = 0; step < 25; step++) last = await trainer.train(batch, 1e-2);
    expect(last.loss).toBeLessThan(first.loss * 0.5);
  },
);

test("Muon trains the matrices of linear layers, AdamW embeddings and norms", () => {
  const model = tinyModel(1);
  const all = new Trainer(
    model,
    { kind: "all" },
    new Map([...model.tensors].map(([name, { data }]) => [name, data])),
    { ...config, optimizer: "muon" },
  ).state();
  expect([...all.m.keys()]).toEqual([...model.tensors.keys()]);
  expect([...all.v.keys()].toSorted()).toEqual(
    [...model.tensors.keys()].filter((name) => /norm|embed/.test(name)).toSorted(),
  );
  const adapter = loraTrainer({ optimizer: "muon" }, { dora: true }).state();
  expect([...adapter.v.keys()]).toEqual(
    [...adapter.m.keys()].filter((name) => !name.includes("lora_A") && !name.includes("lora_B")),
  );
  expect(adapter.v.size).toBeGreaterThan(0);
});

test("LoRA graphs compute no gradient of a frozen weight", () => {
  const model = tinyModel(1);
  const modules = loraModules(model.architecture.parameters(model.config), {
    rank: 2,
    alpha: 2,
    targets: ["q_proj"],
  });
  const graph = lossAndGradients(
    model,
    { kind: "lora", modules },
    { rows: 1, length: 8, predictors: 8 },
    { recompute: false },
  );
  expect([...graph.outputs.keys()].toSorted()).toEqual(
    [
      "loss",
      ...modules.flatMap(({ name }) => [`d_${name}.lora_A.weight`, `d_${name}.lora_B.weight`]),
    ].toSorted(),
  );
});

test("a window with nothing to train is an error, not a loss of zero", async () => {
  const nothing: Example = {
    id: "masked",
    ids: Int32Array.of(1, 2, 3),
    trained: new Uint8Array(3),
  };
  await expect(loraTrainer().train([one(nothing)], 1e-3)).rejects.toMatchObject({
    code: "train/no-tokens",
  });
});

describe("noise of training", () => {
  const batch = [...packOnce([randomExample(1, 20), randomExample(2, 17)], 2, 24)];
  const noisy = {
    dropout: [{}, { dropout: 0.3 }],
    neftune: [{ neftuneAlpha: 5 }, {}],
    both: [{ neftuneAlpha: 5 }, { dropout: 0.3 }],
  } as const;

  test.each(Object.entries(noisy))("%s changes training and not scoring", async (_, options) => {
    const [config, adapter] = options;
    const [plain, other] = [loraTrainer(), loraTrainer(config, {}, adapter)];
    const examples = batch.flatMap(({ placements }) => placements.map(({ example }) => example));
    expect(await other.score(examples)).toEqual(await plain.score(examples));
    const [a, b] = [await plain.train(batch, 1e-2), await other.train(batch, 1e-2)];
    expect(Math.abs(a.loss - b.loss)).toBeGreaterThan(1e-4);
  });

  test.each(Object.entries(noisy))(
    "%s: two steps, a restart and a third end as three steps do, to the bit",
    async (_, options) => {
      const [config, adapter] = options;
      const whole = loraTrainer(config, {}, adapter);
      for (let step = 0; step < 3; step++) await whole.train([...batch, ...batch], 1e-2);
      const first = loraTrainer(config, {}, adapter);
      for (let step = 0; step < 2; step++) await first.train([...batch, ...batch], 1e-2);
      const second = loraTrainer(config, {}, adapter);
      second.restore(first.state());
      await second.train([...batch, ...batch], 1e-2);
      expect(second.state()).toEqual(whole.state());
    },
  );

  test("every step, micro-batch and seed has a mask of its own", async () => {
    const losses: number[] = [];
    for (const [seed, steps] of [
      [1, 3],
      [2, 1],
    ] as const) {
      const trainer = loraTrainer({}, {}, { dropout: 0.3, seed });
      // A learning rate of nothing: only the masks differ.
      for (let step = 0; step < steps; step++)
        losses.push((await trainer.train(batch, 1e-30)).loss);
      losses.push((await trainer.train([...batch, ...batch], 1e-30)).loss);
    }
    expect(new Set(losses).size).toBe(losses.length);
  });

  test("recomputed layers see the same mask", async () => {
    const one = loraTrainer({}, { dora: true }, { dropout: 0.4 });
    const two = loraTrainer({ recompute: true }, { dora: true }, { dropout: 0.4 });
    await one.train(batch, 1e-2);
    await two.train(batch, 1e-2);
    expectClose(one.state().weights, two.state().weights, 1e-6);
  });
});

test("LoRA+ moves B and nothing else at its multiple of the rate", async () => {
  const batch = [...packOnce([randomExample(1, 20)], 1, 24)];
  const moves = async (plusRatio: number): Promise<Map<string, number>> => {
    const trainer = loraTrainer({ weightDecay: 0 }, { dora: true }, { plusRatio });
    const before = new Map(
      [...trainer.state().weights].map(([name, data]) => [name, data.slice()]),
    );
    await trainer.train(batch, 1e-4);
    return new Map(
      [...trainer.state().weights].map(([name, data]) => [
        name,
        data.reduce((sum, x, i) => sum + Math.abs(x - before.get(name)![i]!), 0),
      ]),
    );
  };
  const [plain, plus] = [await moves(1), await moves(8)];
  for (const [name, moved] of plus)
    expect(moved / plain.get(name)!, name).toBeCloseTo(name.includes("lora_A") ? 1 : 8, 1);
});
