/**
 * Packing: several examples share a row of fixed length. Each keeps its own positions from 0 and may
 * look only at itself, and the last token of one never predicts the first of the next, so packed and
 * unpacked training are the same function.
 */
import { TwainError } from "../core/errors.ts";
import type { Example } from "../tokenizer/example.ts";

/** Where one example lies in a batch. */
export interface Placement {
  example: Example;
  row: number;
  start: number;
}

export interface PackedBatch {
  rows: number;
  length: number;
  /** `[rows · length]`; padding is id 0 in a segment of its own. */
  ids: BigInt64Array;
  /** Position within the example. */
  positions: BigInt64Array;
  /** Which example of the row; -1 for padding. */
  segments: BigInt64Array;
  /** Flat index of each position whose next token is trained, in placement order. */
  predictors: number[];
  /** That next token. */
  targets: number[];
  placements: Placement[];
}

/** Puts placed examples into flat arrays. */
export function buildBatch(
  placements: readonly Placement[],
  rows: number,
  length: number,
): PackedBatch {
  const ids = new BigInt64Array(rows * length);
  const positions = new BigInt64Array(rows * length);
  const segments = new BigInt64Array(rows * length).fill(-1n);
  const predictors: number[] = [];
  const targets: number[] = [];
  const perRow = new Array<number>(rows).fill(0);
  for (const { example, row, start } of placements) {
    const segment = BigInt(perRow[row]!++);
    for (let i = 0; i < example.ids.length; i++) {
      const at = row * length + start + i;
      ids[at] = BigInt(example.ids[i]!);
      positions[at] = BigInt(i);
      segments[at] = segment;
      if (i > 0 && example.trained[i]) {
        predictors.push(at - 1);
        targets.push(example.ids[i]!);
      }
    }
  }
  return {
    rows,
    length,
    ids,
    positions,
    segments,
    predictors,
    targets,
    placements: [...placements],
  };
}

/** Examples that wait for a row with room; large enough that rows end up nearly full. */
const LOOKAHEAD = 48;

/** An endless stream of full batches from an endless stream of examples. */
export function* packStream(
  next: () => Example,
  rows: number,
  length: number,
): Generator<PackedBatch, never> {
  const waiting: Example[] = [];
  for (;;) {
    const placements: Placement[] = [];
    for (let row = 0; row < rows; row++) {
      let start = 0;
      for (;;) {
        while (waiting.length < LOOKAHEAD) waiting.push(checkLength(next(), length));
        // The oldest goes first into an empty row, so that nothing waits for ever; then the longest that fits.
        let pick = start === 0 ? 0 : -1;
        if (pick < 0) {
          for (let i = 0; i < waiting.length; i++) {
            const size = waiting[i]!.ids.length;
            if (size <= length - start && (pick < 0 || size > waiting[pick]!.ids.length)) pick = i;
          }
        }
        if (pick < 0) break;
        const [example] = waiting.splice(pick, 1);
        placements.push({ example: example!, row, start });
        start += example!.ids.length;
      }
    }
    yield buildBatch(placements, rows, length);
  }
}

/** All of `examples` once, in batches: longest first into the fullest row that has room. */
export function* packOnce(
  examples: readonly Example[],
  rows: number,
  length: number,
): Generator<PackedBatch> {
  const order = examples
    .map((example) => checkLength(example, length))
    .toSorted((a, b) => b.ids.length - a.ids.length);
  const bins: { free: number; items: Example[] }[] = [];
  for (const example of order) {
    let best: (typeof bins)[number] | undefined;
    for (const bin of bins) {
      if (bin.free >= example.ids.length && (!best || bin.free < best.free)) best = bin;
    }
    if (!best) bins.push((best = { free: length, items: [] }));
    best.items.push(example);
    best.free -= example.ids.length;
  }
  for (let i = 0; i < bins.length; i += rows) {
    const placements = bins.slice(i, i + rows).flatMap((bin, row) => {
      let start = 0;
      return bin.items.map((example) => {
        const placement = { example, row, start };
        start += example.ids.length;
        return placement;
      });
    });
    yield buildBatch(placements, rows, length);
  }
}

function checkLength(example: Example, length: number): Example {
  if (example.ids.length <= length) return example;
  throw new TwainError(
    "train/example-too-long",
    `row ${example.id} has ${example.ids.length} tokens, train.sequenceLength is ${length}`,
    {
      hint: "Raise train.sequenceLength; rows are never cut, because a cut answer teaches the model not to stop.",
    },
  );
}
