import { afterAll, describe, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import { createRandom } from "../core/random.ts";
import { type LoraShape, initLora, loraModules } from "../models/lora.ts";
import { type Adapter, mergeAdapter } from "../models/peft.ts";
import { buildBatch } from "../train/packing.ts";
import { Trainer } from "../train/trainer.ts";
import { Decoder } from "./decoder.ts";
import { PrefixCache } from "./prefix-cache.ts";
import { type GenerateRequest, Scheduler } from "./scheduler.ts";

const model = tinyModel(7);
const random = createRandom(5);
const prompt = (length: number): number[] =>
  Array.from({ length }, () => random.integer(0, tinyConfig.vocab_size - 1));
const argmax = (logits: Float32Array): number =>
  logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
const trainers: Trainer[] = [];
afterAll(() => Promise.all(trainers.map((trainer) => trainer.release())));

/** Log-probability of `next` after `ids`, by the training graph. */
async function trainedLogProb(ids: number[], next: number): Promise<number> {
  const all = [...ids, next];
  const trainer = new Trainer(
    model,
    { kind: "all" },
    new Map([...model.tensors].map(([name, { data }]) => [name, data])),
    {
      sequenceLength: 40,
      microBatch: 1,
      beta1: 0.9,
      beta2: 0.9,
      epsilon: 1e-8,
      weightDecay: 0,
      gradientClip: 0,
      recompute: false,
    },
  );
  trainers.push(trainer);
  const [score] = await trainer.score([
    {
      id: "x",
      ids: Int32Array.from(all),
      trained: Uint8Array.from(all, (_, i) => (i === all.length - 1 ? 1 : 0)),
    },
  ]);
  return score!.sum;
}

function logProb(logits: Float32Array, id: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b));
  return logits[id]! - most - Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0));
}

describe("decoding with a cache", () => {
  test("gives the probabilities of the training graph, after the prompt and after each token", async () => {
    const decoder = new Decoder(model, { slots: 1, contextTokens: 40 });
    const ids = prompt(9);
    let logits = await decoder.prefill(ids, 0);
    for (let i = 0; i < 4; i++) {
      const next = argmax(logits);
      expect(logProb(logits, next)).toBeCloseTo(await trainedLogProb(ids, next), 4);
      ids.push(next);
      logits = (await decoder.step([next]))[0]!;
    }
    await decoder.release();
  });

  test("a sequence does not see its neighbours in the batch", async () => {
    const prompts = [prompt(3), prompt(17), prompt(8)];
    const alone: Float32Array[] = [];
    for (const ids of prompts) {
      const decoder = new Decoder(model, { slots: 1, contextTokens: 40 });
      await decoder.prefill(ids, 0);
      alone.push((await decoder.step([5]))[0]!);
      await decoder.release();
    }
    const decoder = new Decoder(model, { slots: 4, contextTokens: 40 });
    for (const [slot, ids] of prompts.entries()) await decoder.prefill(ids, slot);
    const together = await decoder.step([5, 5, 5]);
    together.forEach((logits, i) =>
      logits.forEach((x, j) => expect(x).toBeCloseTo(alone[i]![j]!, 4)),
    );
    // A sequence that moves to another slot goes on as if nothing had happened.
    const stayed = (await decoder.step([6, 6, 6]))[2]!;
    for (const [slot, ids] of prompts.entries()) await decoder.prefill(ids, slot);
    await decoder.step([5, 5, 5]);
    decoder.move(2, 0);
    const moved = (await decoder.step([6]))[0]!;
    stayed.forEach((x, j) => expect(moved[j]!).toBeCloseTo(x, 4));
    await decoder.release();
  });
});

/** A random adapter of the tiny model, strong enough to change what is said. */
function tinyAdapter(seed: number, lora: LoraShape): Adapter {
  const chance = createRandom(seed);
  const modules = loraModules(model.architecture.parameters(tinyConfig), lora);
  const tensors = initLora(modules, chance, model.tensors);
  for (const [name, data] of tensors)
    if (name.endsWith("lora_B.weight")) data.forEach((_, i) => (data[i] = chance.normal()));
  return { lora, modules, tensors };
}
const adapters = [
  tinyAdapter(1, { rank: 2, alpha: 4 }),
  tinyAdapter(2, {
    rank: 3,
    alpha: 3,
    targets: ["q_proj", "down_proj"],
    rankPattern: { q_proj: 1 },
  }),
  tinyAdapter(3, { rank: 2, alpha: 2, dora: true, targets: ["v_proj", "down_proj"] }),
];
const near = (got: Float32Array, want: Float32Array): void => {
  let most = 0;
  got.forEach((x, i) => (most = Math.max(most, Math.abs(x - want[i]!))));
  expect(most).toBeLessThan(2e-4);
};

describe("adapters beside the base", () => {
  test("in one batch, each row gets what base or merged model gives it alone", async () => {
    const decoder = new Decoder(model, { slots: 8, contextTokens: 40, adapters });
    const choices = [1, undefined, 0, 2, 0, undefined, 1];
    const prompts = choices.map((_, i) => prompt(3 + ((i * 5) % 11)));
    const first: Float32Array[] = [];
    for (const [slot, ids] of prompts.entries())
      first.push(await decoder.prefill(ids, slot, { adapter: choices[slot] }));
    const second = await decoder.step(choices.map(() => 5));
    decoder.move(3, 0);
    const moved = (await decoder.step([6]))[0]!;
    await decoder.release();
    for (const choice of new Set(choices)) {
      const merged = choice === undefined ? model : mergeAdapter(model, adapters[choice]!);
      const alone = new Decoder(merged, { slots: 1, contextTokens: 40 });
      for (const [slot, ids] of prompts.entries()) {
        if (choices[slot] !== choice) continue;
        near(first[slot]!, await alone.prefill(ids, 0));
        near(second[slot]!, (await alone.step([5]))[0]!);
        if (slot === 3) near(moved, (await alone.step([6]))[0]!);
      }
      await alone.release();
    }
  });

  test("what one adapter holds does not reach the rows of another, nor of the base", async () => {
    const loud = { ...adapters[0]!, tensors: new Map(adapters[0]!.tensors) };
    for (const [name, data] of loud.tensors)
      loud.tensors.set(
        name,
        data.map((x) => 1e6 * x),
      );
    const logits: Float32Array[][] = [];
    for (const other of [adapters[0]!, loud]) {
      const decoder = new Decoder(model, {
        slots: 3,
        contextTokens: 40,
        adapters: [other, adapters[1]!],
      });
      for (const [slot, adapter] of [0, 1, undefined].entries())
        await decoder.prefill([1, 2, 3], slot, { adapter });
      logits.push(await decoder.step([4, 4, 4]));
      await decoder.release();
    }
    expect(logits[0]![0]).not.toEqual(logits[1]![0]);
    expect(logits[0]![1]).toEqual(logits[1]![1]);
    expect(logits[0]![2]).toEqual(logits[1]![2]);
  });
});

describe("a prompt whose beginning was kept", () => {
  test("gives the same logits at every split, in another slot, after the cache has grown", async () => {
    const decoder = new Decoder(model, { slots: 2, contextTokens: 64, adapters });
    const ids = prompt(23);
    const whole = await decoder.prefill(ids, 0, { adapter: 0 });
    const next = (await decoder.step([5]))[0]!;
    expect(decoder.length(0)).toBe(24);
    const saved = decoder.save(0);
    expect(saved.byteLength).toBe(decoder.bytesOf(24));
    for (let cached = 1; cached < ids.length; cached++) {
      decoder.restore(1, saved, 24, cached);
      near(await decoder.prefill(ids, 1, { adapter: 0, cached }), whole);
      decoder.move(1, 0);
      near((await decoder.step([5]))[0]!, next);
    }
    await decoder.release();
  });

  test("a long prompt is read in pieces, wherever the first one ends", async () => {
    const long = tinyModel(7, { ...tinyConfig, max_position_embeddings: 1200 });
    const decoder = new Decoder(long, { slots: 2, contextTokens: 1200 });
    const ids = prompt(1150);
    const whole = await decoder.prefill(ids, 0);
    for (const first of [1, 300, 1024]) {
      await decoder.prefill(ids.slice(0, first), 1);
      near(await decoder.prefill(ids, 1, { cached: first }), whole);
    }
    await decoder.release();
  });

  test("sequences go on unchanged while the cache grows under them", async () => {
    const long = tinyModel(7, { ...tinyConfig, max_position_embeddings: 700 });
    const decoder = new Decoder(long, { slots: 2, contextTokens: 700 });
    const ids = prompt(255);
    await decoder.prefill(ids, 0);
    await decoder.prefill(prompt(600), 1);
    const [grown] = await decoder.step([5, 5]);
    const alone = new Decoder(long, { slots: 1, contextTokens: 700 });
    near(grown!, await alone.prefill([...ids, 5], 0));
    await decoder.release();
    await alone.release();
  });
});

describe("the scheduler", () => {
  const collect = async (
    scheduler: Scheduler,
    ids: number[],
    maxTokens: number,
    more: Partial<GenerateRequest> = {},
  ): Promise<number[]> => {
    const out: number[] = [];
    for await (const token of scheduler.generate({
      prompt: ids,
      maxTokens,
      sample: argmax,
      endIds: new Set([-1]),
      ...more,
    }))
      out.push(token);
    return out;
  };

  test("many requests at once get what each gets alone, also when they wait for a slot", async () => {
    const prompts = Array.from({ length: 11 }, (_, i) => prompt(2 + ((i * 5) % 13)));
    const alone: number[][] = [];
    const single = new Scheduler(new Decoder(model, { slots: 1, contextTokens: 40 }));
    for (const [i, ids] of prompts.entries()) alone.push(await collect(single, ids, 3 + (i % 6)));
    await single.close();
    const scheduler = new Scheduler(new Decoder(model, { slots: 4, contextTokens: 40 }));
    const together = await Promise.all(
      prompts.map((ids, i) => collect(scheduler, ids, 3 + (i % 6))),
    );
    await scheduler.close();
    expect(together).toEqual(alone);
  });

  test("a conversation that grows and one that branches off give the same with kept prefixes as without", async () => {
    const size = { slots: 3, contextTokens: 64, adapters };
    const plain = new Scheduler(new Decoder(model, size));
    const prefixes = new PrefixCache(1 << 20);
    const keeping = new Scheduler(new Decoder(model, size), prefixes);
    const system = prompt(12);
    const cached: number[] = [];
    const both = async (ids: number[], adapter: number | undefined): Promise<number[]> => {
      const key = `base, ${adapter}`;
      const [want, got] = await Promise.all([
        collect(plain, ids, 6, { adapter }),
        collect(keeping, ids, 6, {
          adapter,
          prefixKey: key,
          onPrompt: (count) => cached.push(count),
        }),
      ]);
      expect(got).toEqual(want);
      return got;
    };
    const answer = await both([...system, 1, 2], 0);
    // Prompt and answer are known, but for the last token, which was never read.
    const second = [...system, 1, 2, ...answer, 9];
    await both(second, 0);
    await both([...system, 3, 4], 0);
    await both([...system, 3, 4], 1);
    await both([...system, 3, 4], undefined);
    await both([...system, 3, 4], 1);
    expect(cached).toEqual([0, second.length - 2, system.length, 0, 0, system.length + 1]);
    expect(prefixes.bytes).toBeGreaterThan(0);
    await plain.close();
    await keeping.close();
  });

  test("an end token ends the stream and is not part of it", async () => {
    const scheduler = new Scheduler(new Decoder(model, { slots: 2, contextTokens: 40 }));
    const ids = prompt(5);
    const [first, second] = await collect(scheduler, ids, 2);
    const stream = scheduler.generate({
      prompt: ids,
      maxTokens: 9,
      sample: argmax,
      endIds: new Set([second!]),
    });
    const expected = first === second ? [] : [first];
    const got: number[] = [];
    for (;;) {
      const next = await stream.next();
      if (next.done) {
        expect(next.value).toBe("stop");
        break;
      }
      got.push(next.value);
    }
    expect(got).toEqual(expected);
    await scheduler.close();
  });

  test("an aborted request stops and frees its slot for the next", async () => {
    const scheduler = new Scheduler(new Decoder(model, { slots: 1, contextTokens: 40 }));
    const controller = new AbortController();
    const stream = scheduler.generate({
      prompt: prompt(4),
      maxTokens: 30,
      sample: argmax,
      endIds: new Set(),
      signal: controller.signal,
    });
    await stream.next();
    controller.abort();
    await expect(
      stream.next().then(async () => {
        for await (const _ of stream) {
          /* drain */
        }
      }),
    ).rejects.toThrow();
    expect(await collect(scheduler, prompt(6), 3)).toHaveLength(3);
    await scheduler.close();
  });

  test("a prompt that does not fit is refused by name", async () => {
    const scheduler = new Scheduler(new Decoder(model, { slots: 1, contextTokens: 16 }));
    await expect(collect(scheduler, prompt(16), 3)).rejects.toMatchObject({
      code: "generate/context-overflow",
    });
    await scheduler.close();
  });
});

test("buildBatch leaves padding untrained", () => {
  const batch = buildBatch([], 1, 8);
  expect(batch.predictors).toEqual([]);
});
