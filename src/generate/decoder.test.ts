import { afterAll, describe, expect, test } from "vitest";
import { tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import { createRandom } from "../core/random.ts";
import { buildBatch } from "../train/packing.ts";
import { Trainer } from "../train/trainer.ts";
import { Decoder } from "./decoder.ts";
import { Scheduler } from "./scheduler.ts";

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

describe("the scheduler", () => {
  const collect = async (
    scheduler: Scheduler,
    ids: number[],
    maxTokens: number,
    signal?: AbortSignal,
  ): Promise<number[]> => {
    const out: number[] = [];
    for await (const token of scheduler.generate({
      prompt: ids,
      maxTokens,
      sample: argmax,
      endIds: new Set([-1]),
      ...(signal && { signal }),
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
