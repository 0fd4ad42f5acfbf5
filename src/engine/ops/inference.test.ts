/** The fused operators of generation compute what the plain ones of training do. */
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { numbersOf, normals } from "../finite-differences.ts";
import { rmsNorm } from "../fused/rms-norm.ts";
import { rope } from "../fused/rope.ts";
import { Graph } from "../graph.ts";
import { compile } from "../session.ts";
import type { Tensor } from "../tensor.ts";
import { type Value, value } from "../value.ts";
import { cachedAttention, fusedRmsNorm, fusedRope } from "./inference.ts";
import { concat, reshape, transpose } from "./layout.ts";

const random = createRandom(3);

async function run(
  build: (...inputs: Tensor[]) => Tensor[],
  inputs: readonly Value[],
): Promise<Float32Array[]> {
  const graph = new Graph();
  build(...inputs.map((x, i) => graph.input(`${i}`, x.dtype, x.shape))).forEach((y, i) =>
    graph.output(`${i}`, y),
  );
  const program = await compile(graph);
  const outputs = await program.run(Object.fromEntries(inputs.map((x, i) => [`${i}`, x])));
  await program.release();
  return Object.keys(outputs).map((name) => numbersOf(outputs[name]!));
}

const near = (a: Float32Array, b: Float32Array): void => {
  expect(a).toHaveLength(b.length);
  a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, 5));
};

test("norm and rotation are those of training", async () => {
  const [norm, fused] = await run(
    (x, w) => [rmsNorm(x!, w!, 1e-5), fusedRmsNorm(x!, w!, 1e-5)],
    [normals(random, [2, 3, 8]), normals(random, [8])],
  );
  near(fused!, norm!);

  const angles = normals(random, [4, 3]);
  const table = (f: (x: number) => number): Value =>
    value("float32", [4, 3], numbersOf(angles).map(f));
  const [turned, whole] = await run(
    (x, cos, sin, at) => {
      const joined = reshape(transpose(x!, [0, 2, 1, 3]), [1, 4, 12]);
      const both = (half: Tensor): Tensor => concat([half, half], 1);
      const heads = fusedRope(joined, 2, at!, { cos: cos!, sin: sin! });
      return [
        rope(x!, both(cos!), both(sin!)),
        transpose(reshape(heads, [1, 4, 2, 6]), [0, 2, 1, 3]),
      ];
    },
    [
      normals(random, [1, 2, 4, 6]),
      table(Math.cos),
      table(Math.sin),
      value("int64", [1, 4], BigInt64Array.from([0n, 1n, 2n, 3n])),
    ],
  );
  near(whole!, turned!);
});

test("attention is to the cache up to each last position and to the new entries", async () => {
  const [query, key, cached] = [
    normals(random, [2, 1, 16]),
    normals(random, [2, 1, 8]),
    normals(random, [2, 1, 8]),
  ];
  const [keys, values] = [normals(random, [2, 1, 5, 8]), normals(random, [2, 1, 5, 8])];
  const last = [1, 3];
  const [out] = await run(
    (q, k, v, ks, vs, at, longest) => [cachedAttention(0.25, q!, k!, v!, ks!, vs!, at!, longest!)],
    [query, key, cached, keys, values, value("int32", [2], last), value("int32", [1], [4])],
  );
  for (const [row, at] of last.entries()) {
    const withNew = (cache: Value, added: Value): Float32Array => {
      const whole = numbersOf(cache).slice(row * 40, (row + 1) * 40);
      whole.set(numbersOf(added).subarray(row * 8, row * 8 + 8), at * 8);
      return whole;
    };
    const [all, allValues] = [withNew(keys, key), withNew(values, cached)];
    for (let head = 0; head < 2; head++) {
      const q = numbersOf(query).subarray(row * 16 + head * 8, row * 16 + head * 8 + 8);
      const scores = Array.from({ length: at + 1 }, (_, t) =>
        Math.exp(0.25 * q.reduce((sum, x, i) => sum + x * all[t * 8 + i]!, 0)),
      );
      const total = scores.reduce((a, b) => a + b);
      for (let i = 0; i < 8; i++) {
        const want = scores.reduce((sum, s, t) => sum + (s / total) * allValues[t * 8 + i]!, 0);
        expect(out![row * 16 + head * 8 + i]).toBeCloseTo(want, 5);
      }
    }
  }
});
