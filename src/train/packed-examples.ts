/** Where examples are drawn from, and many of them in little room. */
import type { Example } from "../tokenizer/example.ts";

/** An array of examples is one. */
export interface Examples extends Iterable<Example> {
  readonly length: number;
  at(index: number): Example | undefined;
}

/**
 * Examples in a few long arrays. As objects of their own a hundred thousand of them would be walked by every garbage
 * collection, and the arrays that a training step returns set one off every other step.
 */
export class PackedExamples implements Examples {
  #ids = new Int32Array(1 << 16);
  #trained = new Uint8Array(1 << 16);
  readonly #ends: number[] = [];
  readonly #names: string[] = [];

  get length(): number {
    return this.#ends.length;
  }

  push({ id, ids, trained }: Example): void {
    const start = this.#ends.at(-1) ?? 0;
    const end = start + ids.length;
    if (end > this.#ids.length) {
      const size = Math.max(end, 2 * this.#ids.length);
      const [moreIds, moreTrained] = [new Int32Array(size), new Uint8Array(size)];
      moreIds.set(this.#ids);
      moreTrained.set(this.#trained);
      [this.#ids, this.#trained] = [moreIds, moreTrained];
    }
    this.#ids.set(ids, start);
    this.#trained.set(trained, start);
    this.#ends.push(end);
    this.#names.push(id);
  }

  /** A new object with views of the arrays at every call. */
  at(index: number): Example | undefined {
    const end = this.#ends[index];
    if (end === undefined) return undefined;
    const start = this.#ends[index - 1] ?? 0;
    return {
      id: this.#names[index]!,
      ids: this.#ids.subarray(start, end),
      trained: this.#trained.subarray(start, end),
    };
  }

  *[Symbol.iterator](): Iterator<Example> {
    for (let i = 0; i < this.length; i++) yield this.at(i)!;
  }
}
