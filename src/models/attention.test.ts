import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import {
  type GradientCheck,
  checkGradient,
  normals,
  numbersOf,
} from "../engine/finite-differences.ts";
import { type Tensor, add, matmul, reshape, scale, softmax } from "../engine/index.ts";
import { attentionByHeads } from "./attention-by-heads.ts";
import { selfAttention } from "./attention.ts";

const [batch, heads, keyHeads, tokens, size] = [2, 4, 2, 3, 2] as const;
// Two sequences packed into the second row: its last token sees itself only.
const mask = Float32Array.from({ length: batch * tokens * tokens }, (_, i) => {
  const [row, at, seen] = [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3];
  return seen > at || (row === 1 && at === 2 && seen < 2) ? -1e9 : 0;
});

/** Written down from the definition, with the gradients that the operators have. */
function plainAttention(query: Tensor, key: Tensor, value: Tensor, closed: Tensor): Tensor {
  const rows = reshape(query, [batch, keyHeads, (heads / keyHeads) * tokens, size]);
  const scores = scale(matmul(rows, key, { transB: true }), 1 / Math.sqrt(size));
  const apart = reshape(scores, [batch, keyHeads, heads / keyHeads, tokens, tokens]);
  const shares = reshape(softmax(add(apart, closed)), scores.shape);
  return reshape(matmul(shares, value), query.shape);
}

test.each([
  ["all heads at once", selfAttention],
  [
    "probabilities computed again",
    (...operands) => selfAttention(...operands, { recompute: true }),
  ],
  ["one key head after the other", attentionByHeads],
] satisfies [string, typeof attentionByHeads][])(
  "%s: the values and gradients of the definition",
  async (_name, attention) => {
    const random = createRandom(3);
    const inputs = [heads, keyHeads, keyHeads].map((count) =>
      normals(random, [batch, count, tokens, size]),
    );
    const check = (attend: typeof attentionByHeads): Promise<GradientCheck> =>
      checkGradient(
        (q, k, v) =>
          attend(q!, k!, v!, q!.graph.constant(mask, "float32", [batch, 1, 1, tokens, tokens])),
        inputs,
        createRandom(5),
      );
    const [own, plain] = [await check(attention), await check(plainAttention)];
    expect(own.worst).toBeLessThan(2e-3);
    const near = (a: Float32Array, b: Float32Array): void => {
      a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, 5));
    };
    near(numbersOf(own.output), numbersOf(plain.output));
    own.gradients.forEach(({ rule }, i) => near(rule, plain.gradients[i]!.rule));
  },
);
