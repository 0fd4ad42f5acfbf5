/** Laws of every format: what the graph computes, what a second quantization changes, how far off numbers are. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { Graph, type Tensor, compile, sizeOf, value } from "../../engine/index.ts";
import { bf16, f16, f32 } from "./float.ts";
import type { WeightFormat } from "./format.ts";
import { packTensor } from "./index.ts";
import { int4 } from "./int4.ts";
import { int8 } from "./int8.ts";
import { nf4, quantizeNf4 } from "./nf4.ts";

const formats = [nf4, int4, int8, f16, bf16, f32];

/** The largest error of each number, given the numbers of its own block. */
const bounds: Record<string, { block: (shape: readonly number[]) => number; share: number }> = {
  // Half the widest gap between codes, and what double quantization takes from the scale.
  nf4: { block: () => 64, share: 0.152 },
  int4: { block: () => 32, share: 0.5 / 7 },
  int8: { block: (shape) => sizeOf(shape.slice(1)), share: 0.5 / 127 },
  f16: { block: () => 1, share: 2 ** -11 },
  bf16: { block: () => 1, share: 2 ** -8 },
  f32: { block: () => 1, share: 0 },
};

const weights = (seed: number, shape: readonly number[]): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => random.normal() * 0.05);
};

async function decoded(format: WeightFormat, data: Float32Array, shape: readonly number[]) {
  const graph = new Graph();
  const parts = format.pack(data, shape);
  const tensors: Record<string, Tensor> = {};
  const feeds: Record<string, ReturnType<typeof value>> = {};
  for (const [suffix, type] of Object.entries(format.parts(shape))) {
    tensors[suffix] = graph.input(`w${suffix}`, type.dtype, type.shape);
    feeds[`w${suffix}`] = value(type.dtype, type.shape, parts[suffix]!);
  }
  graph.output(
    "y",
    format.decode(tensors, shape, (_name, make) => make()),
  );
  const program = await compile(graph, { threads: 1 });
  const { y } = await program.run(feeds);
  await program.release();
  return { graph: y!, host: format.unpack(parts, shape) };
}

describe.each(formats)("$name", (format) => {
  test.each([[[8, 64]], [[3, 50]], [[131, 130]], [[1, 1]]])(
    "the graph computes the host's numbers, bit for bit, for %j",
    async (shape) => {
      const { graph, host } = await decoded(format, weights(1, shape), shape);
      expect(graph.shape).toEqual(shape);
      expect(graph.data).toEqual(host);
    },
  );

  test("is as near as it promises", () => {
    const { block, share } = bounds[format.name]!;
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom([4, 64], [3, 50], [2, 96]), (seed, shape) => {
        const data = weights(seed, shape);
        const back = format.unpack(format.pack(data, shape), shape);
        const size = block(shape);
        // The scale of a block of NF4 is itself off by a share of the largest deviation of scales; the least
        // numbers of a half float are 2^-24 apart.
        const besides = format === nf4 ? 0.002 : format === f16 ? 2 ** -25 : 1e-7 * share;
        for (let from = 0; from < data.length; from += size) {
          const values = data.subarray(from, from + size);
          const most = values.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
          const room = most * share * (1 + 1e-6) + besides;
          values.forEach((x, i) => {
            expect(Math.abs(x - back[from + i]!)).toBeLessThanOrEqual(room);
          });
        }
      }),
      { numRuns: 20 },
    );
  });

  test("numbers that it holds exactly stay as they are", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom([4, 64], [3, 50]), (seed, shape) => {
        const once = format.pack(weights(seed, shape), shape);
        const again = format.pack(format.unpack(once, shape), shape);
        // Double quantization moves the mean of the scales, but no code.
        expect(again[""]).toEqual(once[""]);
        if (format !== nf4) expect(again).toEqual(once);
      }),
      { numRuns: 20 },
    );
  });

  test("zeros stay zeros", () => {
    const back = format.unpack(format.pack(new Float32Array(130), [2, 65]), [2, 65]);
    expect(back.every((x) => x === 0)).toBe(true);
  });

  test("refuses what is not finite, by name", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const data = new Float32Array(64).fill(bad, 3, 4);
      expect(() => packTensor("layer.weight", data, [1, 64], format)).toThrowError(
        expect.objectContaining({
          code: "model/not-finite",
          message: expect.stringContaining("layer.weight"),
        }),
      );
    }
  });
});

test("f16 refuses what it would make infinite", () => {
  expect(() => packTensor("w", Float32Array.of(70_000), [1, 1], f16)).toThrowError(/w: 70000/);
});

test("an outlier costs its own block only", () => {
  const data = weights(1, [4, 64]);
  const { codes } = quantizeNf4(data);
  data[70] = 1e9;
  const after = quantizeNf4(data).codes;
  expect(after.subarray(0, 32)).toEqual(codes.subarray(0, 32));
  expect(after.subarray(64)).toEqual(codes.subarray(64));
  // What shares its block is as good as nothing beside it.
  expect([...after.subarray(32, 64)].filter((byte) => byte !== 0x77)).toEqual([0x77 | 0xf0]);
});
