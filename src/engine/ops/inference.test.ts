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
import { fusedRmsNorm, fusedRope, part } from "./inference.ts";
import { concat, reshape, slice, transpose } from "./layout.ts";

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

test("a part is the slice between its bounds, and ends where the axis does", async () => {
  const [first, rest, want] = await run(
    (x, begin, border, end) => [
      part(x!, 1, begin!, border!, 2),
      part(x!, 1, border!, end!, 3),
      slice(x!, 1, 2, 5),
    ],
    [
      normals(random, [3, 5, 2]),
      ...[0, 2, 2 ** 31 - 1].map((at) => value("int64", [1], BigInt64Array.of(BigInt(at)))),
    ],
  );
  expect(first).toHaveLength(12);
  expect(rest).toEqual(want);
});
