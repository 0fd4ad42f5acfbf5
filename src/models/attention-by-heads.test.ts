import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import {
  type GradientCheck,
  checkGradient,
  normals,
  numbersOf,
} from "../engine/finite-differences.ts";
import { attentionByHeads } from "./attention-by-heads.ts";
import { selfAttention } from "./attention.ts";

test("heads one after the other attend as all at once do, with the same gradients", async () => {
  const random = createRandom(3);
  const tokens = 3;
  const mask = Float32Array.from({ length: tokens * tokens }, (_, i) =>
    i % tokens > Math.floor(i / tokens) ? -1e9 : 0,
  );
  const inputs = [4, 2, 2].map((heads) => normals(random, [2, heads, tokens, 2]));
  const check = (attention: typeof selfAttention): Promise<GradientCheck> =>
    checkGradient(
      (q, k, v) =>
        attention(q!, k!, v!, q!.graph.constant(mask, "float32", [1, 1, 1, tokens, tokens])),
      inputs,
      createRandom(5),
    );
  const apart = await check(attentionByHeads);
  const together = await check(selfAttention);
  expect(apart.worst).toBeLessThan(2e-3);
  const near = (a: Float32Array, b: Float32Array): void => {
    a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, 5));
  };
  near(numbersOf(apart.output), numbersOf(together.output));
  apart.gradients.forEach(({ rule }, i) => near(rule, together.gradients[i]!.rule));
});
