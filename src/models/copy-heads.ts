/**
 * A start that can already almost copy. A model of this size would need millions of tokens before an
 * induction circuit forms (Olsson et al. 2022, arXiv 2209.11895): a head that tells each position
 * what stood before it, and a head that looks for the place where the present tokens stood before and
 * attends to what followed. Both are put into the first two layers as random but matching projections,
 * in the spirit of mimetic initialisation (Trockman & Kolter 2023, arXiv 2305.09828). No token is
 * favoured over another, every value is trained from there on.
 */
import type { Random } from "../core/random.ts";
import { type ModelConfig, headDim, kvHeads } from "./config.ts";
import type { StoredTensor } from "./safetensors.ts";

/** Two residual dimensions hold one constant for all tokens: without biases it is what position-only attention can read. */
const CONSTANT = [0, 1] as const;
const CONSTANT_VALUE = 0.3;
/** Scales found by trying: how sharp positions are told apart, how strongly contexts match, how much is copied. */
const POSITION_GAIN = 1;
const PREVIOUS_GAIN = 0.105;
const MATCH_GAIN = 2;
const COPY_GAIN = 1;
/** Rotations per token: faster pairs tell neighbours apart, slower ones survive a whole context. */
const FAST = 0.05;
const SLOW = 0.02;

type Matrix = number[][];

/** How many tokens before its own a position is told of: the context that a copy is found by. */
const backOf = (config: ModelConfig): number =>
  config.num_attention_heads >= 3 && config.hidden_size >= 6 * headDim(config) ? 3 : 2;

/** `rows` orthonormal random rows of width `width` that use columns `from` to `to` only; rows beyond that space are zero. */
function orthonormal(
  rows: number,
  width: number,
  from: number,
  to: number,
  random: Random,
): Matrix {
  const matrix: Matrix = [];
  while (matrix.length < rows) {
    if (matrix.length >= to - from) {
      matrix.push(new Array<number>(width).fill(0));
      continue;
    }
    const row = Array.from({ length: width }, (_, i) =>
      i >= from && i < to ? random.normal() : 0,
    );
    for (const other of matrix) {
      const along = row.reduce((sum, x, i) => sum + x * other[i]!, 0);
      row.forEach((x, i) => (row[i] = x - along * other[i]!));
    }
    const length = Math.hypot(...row);
    matrix.push(row.map((x) => x / length));
  }
  return matrix;
}

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) =>
    Array.from({ length: b[0]!.length }, (_, column) =>
      row.reduce((sum, x, i) => sum + x * b[i]![column]!, 0),
    ),
  );
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((x, j) => x + b[i]![j]!));

/** True where the model has the width and the layers that the two kinds of head need. */
export const hasRoomForCopyHeads = (config: ModelConfig): boolean =>
  config.num_hidden_layers >= 2 &&
  config.num_attention_heads >= 2 &&
  config.hidden_size >= 3 * headDim(config) + CONSTANT.length;

/** Changes freshly drawn weights in place. Needs `hasRoomForCopyHeads`. */
export function addCopyHeads(
  tensors: ReadonlyMap<string, StoredTensor>,
  config: ModelConfig,
  random: Random,
): void {
  const width = config.hidden_size;
  const heads = config.num_attention_heads;
  const size = headDim(config);
  const group = heads / kvHeads(config);
  const data = (name: string): Float32Array => tensors.get(name)!.data;
  const frequency = (pair: number): number => config.rope_theta ** ((-2 * pair) / size);
  const pairs = Array.from({ length: size / 2 }, (_, i) => i);

  // The residual stream: tokens in the first part, then a slot of a head's width for each token before.
  const back = backOf(config);
  const tokenEnd = width - back * size;
  const embedding = data("model.embed_tokens.weight");
  for (let at = 0; at < embedding.length; at++) {
    const column = at % width;
    embedding[at] =
      column < CONSTANT.length ? CONSTANT_VALUE : embedding[at]! * (column < tokenEnd ? 1.4 : 0.2);
  }
  const token = orthonormal(size, width, CONSTANT.length, tokenEnd, random);
  const slots = Array.from({ length: back }, (_, slot) =>
    Array.from({ length: size }, (_, r) =>
      Array.from({ length: width }, (_, c) => (c === tokenEnd + slot * size + r ? 1 : 0)),
    ),
  );

  const rows = (
    name: string,
    head: number,
  ): ((row: number, column: number, set: (old: number) => number) => void) => {
    const weights = data(name);
    return (row, column, set) => {
      const at = (head * size + row) * width + column;
      weights[at] = set(weights[at]!);
    };
  };
  const quieten = (name: string, head: number): void => {
    const cell = rows(name, head);
    for (let row = 0; row < size; row++)
      for (let column = 0; column < width; column++) cell(row, column, (old) => 0.1 * old);
  };

  // Layer 0, heads 0, 1, …: attend 1, 2, … places back. A query rotated back by that many places meets
  // a constant key at full length there, and less elsewhere.
  const first = "model.layers.0.self_attn";
  for (let head = 0; head < back; head++) {
    const keyHead = Math.floor(head / group);
    quieten(`${first}.q_proj.weight`, head);
    quieten(`${first}.k_proj.weight`, keyHead);
    const query = rows(`${first}.q_proj.weight`, head);
    const key = rows(`${first}.k_proj.weight`, keyHead);
    for (const pair of pairs.filter((i) => frequency(i) > FAST)) {
      const angle = (head + 1) * frequency(pair);
      for (const column of CONSTANT) {
        query(pair, column, () => POSITION_GAIN * Math.cos(angle));
        query(pair + size / 2, column, () => -POSITION_GAIN * Math.sin(angle));
        key(pair, column, () => POSITION_GAIN);
        key(pair + size / 2, column, () => 0);
      }
    }
    const value = rows(`${first}.v_proj.weight`, keyHead);
    for (let row = 0; row < size; row++)
      for (let column = 0; column < width; column++) value(row, column, () => token[row]![column]!);
    const output = data(`${first}.o_proj.weight`);
    for (let row = 0; row < width; row++)
      for (let i = 0; i < size; i++)
        output[row * heads * size + head * size + i] = PREVIOUS_GAIN * slots[head]![i]![row]!;
  }

  // Layer 1, heads 0 and 1: a query made of this token and those before meets a key made of the
  // tokens before its place; what is copied is the token at that place.
  const second = "model.layers.1.self_attn";
  const slow = pairs.filter((i) => frequency(i) < SLOW);
  const dimensions = [...slow, ...slow.map((pair) => pair + size / 2)];
  for (const keyHead of new Set([0, 1].map((head) => Math.floor(head / group)))) {
    const own = [0, 1].filter((head) => Math.floor(head / group) === keyHead);
    const mixes = slots.map(() =>
      dimensions.map(() =>
        Array.from({ length: size }, () => random.normal() / Math.sqrt(dimensions.length)),
      ),
    );
    const sought = mixes
      .map((mix, i) => product(mix, i === 0 ? token : slots[i - 1]!))
      .reduce(plus);
    const offered = mixes.map((mix, i) => product(mix, slots[i]!)).reduce(plus);
    for (const head of own) quieten(`${second}.q_proj.weight`, head);
    quieten(`${second}.k_proj.weight`, keyHead);
    dimensions.forEach((dimension, row) => {
      for (let column = 0; column < width; column++) {
        for (const head of own)
          rows(`${second}.q_proj.weight`, head)(
            dimension,
            column,
            (old) => old + MATCH_GAIN * sought[row]![column]!,
          );
        rows(`${second}.k_proj.weight`, keyHead)(
          dimension,
          column,
          (old) => old + MATCH_GAIN * offered[row]![column]!,
        );
      }
    });
    const carried = orthonormal(size, width, CONSTANT.length, tokenEnd, random);
    const output = data(`${second}.o_proj.weight`);
    for (let i = 0; i < size; i++) {
      for (let column = 0; column < width; column++) {
        rows(`${second}.v_proj.weight`, keyHead)(i, column, () => carried[i]![column]!);
        for (const head of own)
          output[column * heads * size + head * size + i] =
            (COPY_GAIN * carried[i]![column]!) / own.length;
      }
    }
  }
}
