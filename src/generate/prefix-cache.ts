/**
 * Keys and values of token sequences that were computed before, so that a conversation's next turn, or
 * another one under the same instructions, does not compute them again. Entries are found by a key, which
 * must name all that the numbers depend on besides the tokens (base, adapter, template).
 */

interface Entry {
  key: string;
  tokens: Int32Array;
  /** As `Decoder.save` gives it. */
  saved: Float32Array;
}

export interface PrefixHit {
  saved: Float32Array;
  /** Tokens that `saved` holds. */
  tokens: number;
  /** Leading tokens that it has in common with what was asked for; at least 1. */
  count: number;
}

function commonPrefix(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const most = Math.min(a.length, b.length);
  let count = 0;
  while (count < most && a[count] === b[count]) count++;
  return count;
}

const bytesOf = ({ tokens, saved }: Entry): number => tokens.byteLength + saved.byteLength;

/** At most `limit` bytes; what was not used for longest goes first. */
export class PrefixCache {
  readonly limit: number;
  /** In the order of their last use. */
  #entries: Entry[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The entry with the most leading tokens of `tokens`. The last token is never among them: its logits must be computed. */
  find(key: string, tokens: readonly number[]): PrefixHit | undefined {
    let best: Entry | undefined;
    let count = 0;
    for (const entry of this.#entries) {
      if (entry.key !== key) continue;
      const common = Math.min(commonPrefix(entry.tokens, tokens), tokens.length - 1);
      if (common > count) [best, count] = [entry, common];
    }
    if (!best) return undefined;
    this.#touch(best);
    return { saved: best.saved, tokens: best.tokens.length, count };
  }

  /** Keeps what `save` gives, unless an entry holds these tokens already or it would not fit. `bytes` is its size. */
  put(key: string, tokens: readonly number[], bytes: number, save: () => Float32Array): void {
    if (tokens.length === 0 || bytes + 4 * tokens.length > this.limit) return;
    for (const entry of this.#entries.filter((candidate) => candidate.key === key)) {
      const common = commonPrefix(entry.tokens, tokens);
      if (common === tokens.length) return this.#touch(entry);
      // What the new entry begins with is not needed beside it.
      if (common === entry.tokens.length) this.#remove(entry);
    }
    const entry = { key, tokens: Int32Array.from(tokens), saved: save() };
    while (this.#bytes + bytesOf(entry) > this.limit) this.#remove(this.#entries[0]!);
    this.#entries.push(entry);
    this.#bytes += bytesOf(entry);
  }

  #touch(entry: Entry): void {
    this.#entries = [...this.#entries.filter((other) => other !== entry), entry];
  }

  #remove(entry: Entry): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#bytes -= bytesOf(entry);
  }
}
