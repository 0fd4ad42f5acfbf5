/**
 * DPO (Rafailov et al. 2023, arXiv 2305.18290), TRL's `sigmoid` loss: with π the policy, ref what it started
 * from and log-probabilities summed over a completion,
 * `-log σ(β · ((log π(chosen) - log ref(chosen)) - (log π(rejected) - log ref(rejected))))`.
 */
import {
  Graph,
  type Tensor,
  cast,
  constantLike,
  less,
  logSigmoid,
  matmul,
  mul,
  neg,
  reduceSum,
  reshape,
  scale,
  sub,
  value,
} from "../engine/index.ts";
import type { Example } from "../tokenizer/example.ts";
import { addGradients, forwardLoss, trainedShapes } from "./graphs.ts";
import type { Objective } from "./objective.ts";
import { type PackedBatch, buildBatch } from "./packing.ts";

/** Both sides of a row with their completions trained, and their log-probabilities under the reference. */
export interface Pair {
  id: string;
  chosen: Example;
  rejected: Example;
  reference: { chosen: number; rejected: number };
}

/** More in a batch would not fit their places in the graph; rows this short are rare. */
const PAIRS_A_ROW = 8;

/** An endless stream of batches of whole pairs; placements 2i and 2i + 1 are a pair. `rows` is at least 2. */
export function* packPairs(
  next: () => Pair,
  rows: number,
  length: number,
): Generator<PackedBatch, never> {
  let pair = next();
  for (;;) {
    const used = new Array<number>(rows).fill(0);
    const placements: PackedBatch["placements"] = [];
    const place = (example: Example): boolean => {
      const row = used.findIndex((start) => start + example.ids.length <= length);
      if (row < 0) return false;
      placements.push({ example, row, start: used[row]! });
      used[row]! += example.ids.length;
      return true;
    };
    while (placements.length < 2 * rows * PAIRS_A_ROW) {
      const before = placements.length;
      if (!place(pair.chosen) || !place(pair.rejected)) {
        placements.length = before;
        break;
      }
      pair = next();
    }
    if (placements.length === 0) throw new Error(`the pair ${pair.id} does not fit a batch`);
    yield buildBatch(placements, rows, length);
  }
}

/** Natural logarithm of the logistic function. */
const logSigmoidOf = (x: number): number => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

type Scores = readonly { chosen: number; rejected: number }[];

/** β·((log π - log ref)(chosen) - (log π - log ref)(rejected)) of each pair. */
const marginsOf = (pairs: readonly Pair[], scores: Scores, beta: number): number[] =>
  pairs.map(({ reference }, i) => {
    const { chosen, rejected } = scores[i]!;
    return beta * (chosen - reference.chosen - (rejected - reference.rejected));
  });

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / values.length;

/** The mean loss of pairs whose log-probabilities under the policy are known. */
export const meanPreferenceLoss = (pairs: readonly Pair[], scores: Scores, beta: number): number =>
  mean(marginsOf(pairs, scores, beta).map((margin) => -logSigmoidOf(margin)));

/** The mean margin of the rewards, and the share of pairs whose chosen side has more; both are 0 of the reference. */
export function preferenceMargin(
  pairs: readonly Pair[],
  scores: Scores,
  beta: number,
): { margin: number; accuracy: number } {
  const margins = marginsOf(pairs, scores, beta);
  return {
    margin: mean(margins),
    accuracy: mean(margins.map((margin) => (margin > 0 ? 1 : 0))),
  };
}

/**
 * The objective over batches of `packPairs`. Reports, as TRL does, the rewards β·(log π - log ref) of both
 * sides, their margin, and the share of pairs where the chosen side has more.
 */
export function preferenceLoss(pairs: readonly Pair[], beta: number): Objective {
  const references = new Map<Example, number>();
  for (const { chosen, rejected, reference } of pairs)
    references.set(chosen, reference.chosen).set(rejected, reference.rejected);
  const capacity = (rows: number): number => rows * PAIRS_A_ROW;
  return {
    graph(model, trained, shape, training) {
      const graph = new Graph();
      const { weights, logProbs } = forwardLoss(graph, model, trained, shape, training);
      const count = capacity(shape.rows);
      const column = reshape(logProbs, [shape.predictors, 1]);
      const rewards = (side: string): Tensor => {
        const tokens = graph.input(`${side}Tokens`, "float32", [count, shape.predictors]);
        const summed = reshape(matmul(tokens, column), [count]);
        return scale(sub(summed, graph.input(`${side}Reference`, "float32", [count])), beta);
      };
      const [chosen, rejected] = [rewards("chosen"), rewards("rejected")];
      const counted = graph.input("counted", "float32", [count]);
      const total = (each: Tensor): Tensor => reduceSum(mul(each, counted));
      const margin = sub(chosen, rejected);
      const loss = neg(total(logSigmoid(margin)));
      graph.output("loss", loss);
      graph.output("rewardChosen", total(chosen));
      graph.output("rewardRejected", total(rejected));
      graph.output("margin", total(margin));
      graph.output("accuracy", total(cast(less(constantLike(margin, 0), margin), "float32")));
      addGradients(graph, loss, weights, [...trainedShapes(model, trained).keys()]);
      return graph;
    },
    feeds(batch, { rows, predictors }) {
      const count = capacity(rows);
      const sides = ["chosen", "rejected"].map((side) => ({
        side,
        tokens: new Float32Array(count * predictors),
        reference: new Float32Array(count),
      }));
      const counted = new Float32Array(count);
      let at = 0;
      for (const [i, { example }] of batch.placements.entries()) {
        const { tokens, reference } = sides[i % 2]!;
        const pair = Math.floor(i / 2);
        // In the order in which buildBatch lists predictors.
        const trained = example.trained.reduce((sum, flag, k) => sum + (k > 0 ? flag : 0), 0);
        tokens.fill(1, pair * predictors + at, pair * predictors + at + trained);
        at += trained;
        reference[pair] = references.get(example)!;
        counted[pair] = 1;
      }
      return Object.fromEntries([
        ["counted", value("float32", [count], counted)],
        ...sides.flatMap(({ side, tokens, reference }) => [
          [`${side}Tokens`, value("float32", [count, predictors], tokens)],
          [`${side}Reference`, value("float32", [count], reference)],
        ]),
      ]);
    },
    units: (batch) => batch.placements.length / 2,
  };
}
