/** Holds a model for generation: its compiled graph, its adapters, and the key-value cache of every sequence. */
import { TwainError } from "../core/errors.ts";
import { type Program, type Value, compile, sizeOf, value } from "../engine/index.ts";
import { headDim, kvHeads } from "../models/config.ts";
import { contextLimit } from "../models/context-limit.ts";
import type { Model } from "../models/folder.ts";
import type { Adapter } from "../models/peft.ts";
import { ropeTable } from "../models/rope-table.ts";
import { CLOSED, decodeGraph } from "./decode-graph.ts";
import { CAPACITY_STEP, PROMPT_PIECE, cacheBytes } from "./decoding-memory.ts";

export interface DecoderOptions {
  /** Sequences that are decoded together. */
  slots: number;
  /** Tokens of prompt and answer together; at most the model's own limit. */
  contextTokens: number;
  /** Any sequence may use one of them; the base's weights are held once. */
  adapters?: readonly Adapter[];
}

export interface PrefillOptions {
  /** Position in `adapters`; the base where left out. */
  adapter?: number | undefined;
  /** Leading tokens whose entries are in the slot already (`restore`). Less than the whole prompt. */
  cached?: number;
}

const floats = (found: Value | undefined): Float32Array => {
  if (found?.data instanceof Float32Array) return found.data;
  throw new Error("expected a float32 output");
};

/** The first half of each row of `[rows, 2 · half]`: rotary tables hold every angle twice. */
function firstHalves(table: Float32Array, half: number): Float32Array {
  const out = new Float32Array(table.length / 2);
  for (let row = 0; row * half < out.length; row++)
    out.set(table.subarray(2 * row * half, (2 * row + 1) * half), row * half);
  return out;
}

/** What is added to scores `[…, columns]`: nothing where `sees` says so of row and column. */
function mask(shape: readonly number[], sees: (row: number, column: number) => boolean): Value {
  const columns = shape.at(-1)!;
  const data = new Float32Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++)
    if (!sees(Math.floor(i / columns), i % columns)) data[i] = CLOSED;
  return value("float32", shape, data);
}

export class Decoder {
  readonly contextTokens: number;
  readonly slots: number;
  readonly #config: Model["config"];
  readonly #adapted: boolean;
  readonly #tables: Record<string, Value> = {};
  #program: Promise<Program> | undefined;
  /** Forgotten once the program has its own copy of the weights. */
  #compile: (() => Promise<Program>) | undefined;
  #capacity: number;
  /** By layer, `[slots, kvHeads, capacity, headDim]`. */
  #keys: Float32Array[] = [];
  #values: Float32Array[] = [];
  /** Cached tokens of each slot. */
  readonly #lengths: number[];
  /** Adapter of each slot: 0 is the base. */
  readonly #chosen: number[];

  constructor(model: Model, options: DecoderOptions) {
    const { config } = model;
    const { adapters = [] } = options;
    this.#config = config;
    this.#adapted = adapters.length > 0;
    this.slots = options.slots;
    this.contextTokens = Math.min(options.contextTokens, contextLimit(config));
    this.#compile = () => compile(decodeGraph(model, adapters, this.contextTokens));
    const half = headDim(config) / 2;
    const table = ropeTable(config, this.contextTokens);
    for (const [name, query] of [
      ["cos", "queryCos"],
      ["sin", "querySin"],
    ] as const) {
      const angles = firstHalves(table[name], half);
      // Turning is linear: queries that are turned by a smaller table have their scores scaled already.
      const scaled = angles.map((x) => x / Math.sqrt(2 * half));
      for (const [input, data] of [
        [name, angles],
        [query, scaled],
      ] as const)
        this.#tables[input] = value("float32", [this.contextTokens, half], data);
    }
    this.#capacity = CAPACITY_STEP;
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      this.#keys.push(new Float32Array(this.slots * this.#stride));
      this.#values.push(new Float32Array(this.slots * this.#stride));
    }
    this.#lengths = new Array<number>(this.slots).fill(0);
    this.#chosen = new Array<number>(this.slots).fill(0);
  }

  /** Reads a prompt into a slot; returns the logits after it. Throws `generate/context-overflow`. */
  async prefill(
    prompt: readonly number[],
    slot: number,
    { adapter, cached = 0 }: PrefillOptions = {},
  ): Promise<Float32Array> {
    if (prompt.length > this.contextTokens)
      throw new TwainError(
        "generate/context-overflow",
        `a prompt of ${prompt.length} tokens does not fit a context of ${this.contextTokens}`,
        { hint: "Shorten the conversation." },
      );
    this.#lengths[slot] = cached;
    this.#chosen[slot] = adapter === undefined ? 0 : adapter + 1;
    let logits: Float32Array[] = [];
    for (let from = cached; from < prompt.length; from += PROMPT_PIECE)
      logits = await this.#run(slot, [prompt.slice(from, from + PROMPT_PIECE)]);
    return logits[0]!;
  }

  /** Adds `tokens[i]` to slot i for the first `tokens.length` slots; returns the logits after each. */
  step(tokens: readonly number[]): Promise<Float32Array[]> {
    return this.#run(
      0,
      tokens.map((token) => [token]),
    );
  }

  /** Moves the sequence of slot `from` to slot `to`. */
  move(from: number, to: number): void {
    for (const cache of [...this.#keys, ...this.#values])
      cache.copyWithin(to * this.#stride, from * this.#stride, (from + 1) * this.#stride);
    this.#lengths[to] = this.#lengths[from]!;
    this.#chosen[to] = this.#chosen[from]!;
  }

  /** Tokens that a slot's cache holds. */
  length(slot: number): number {
    return this.#lengths[slot]!;
  }

  /** Bytes of `tokens` tokens in the cache of one sequence. */
  bytesOf(tokens: number): number {
    return cacheBytes(this.#config, tokens);
  }

  /** A copy of a slot's cache: `[layers, 2 (keys, values), kvHeads, tokens, headDim]`. */
  save(slot: number): Float32Array {
    const rows = this.#rows(slot);
    const width = this.#lengths[slot]! * headDim(this.#config);
    const saved = new Float32Array(rows.length * width);
    for (const [i, { cache, from }] of rows.entries())
      saved.set(cache.subarray(from, from + width), i * width);
    return saved;
  }

  /** Writes the first `count` of the `tokens` tokens that `save` copied into a slot. */
  restore(slot: number, saved: Float32Array, tokens: number, count: number): void {
    this.#reserve(count);
    const size = headDim(this.#config);
    for (const [i, { cache, from }] of this.#rows(slot).entries()) {
      const at = i * tokens * size;
      cache.set(saved.subarray(at, at + count * size), from);
    }
    this.#lengths[slot] = count;
  }

  async release(): Promise<void> {
    await (await this.#program)?.release();
    this.#program = undefined;
    this.#compile = undefined;
  }

  /** Cache elements of one slot in one layer. */
  get #stride(): number {
    return kvHeads(this.#config) * this.#capacity * headDim(this.#config);
  }

  /** Where each head's entries of a slot begin, by layer, keys before values. */
  #rows(slot: number): { cache: Float32Array; from: number }[] {
    const step = this.#capacity * headDim(this.#config);
    const heads = Array.from({ length: kvHeads(this.#config) }, (_, head) => head);
    return this.#keys.flatMap((keys, layer) =>
      [keys, this.#values[layer]!].flatMap((cache) =>
        heads.map((head) => ({ cache, from: slot * this.#stride + head * step })),
      ),
    );
  }

  /** Makes room for sequences of `tokens` tokens. */
  #reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const old = this.#capacity;
    this.#capacity = Math.ceil(tokens / CAPACITY_STEP) * CAPACITY_STEP;
    const [from, to] = [old, this.#capacity].map((rows) => rows * headDim(this.#config));
    const grown = (cache: Float32Array): Float32Array => {
      const larger = new Float32Array((cache.length / from!) * to!);
      for (let row = 0; row * from! < cache.length; row++)
        larger.set(cache.subarray(row * from!, (row + 1) * from!), row * to!);
      return larger;
    };
    // One layer after the other, so that never all are there twice.
    for (let layer = 0; layer < this.#keys.length; layer++) {
      this.#keys[layer] = grown(this.#keys[layer]!);
      this.#values[layer] = grown(this.#values[layer]!);
    }
  }

  /** Adds `tokens[i]` to slot `first + i`: equally many to each; several only to one slot. */
  async #run(first: number, tokens: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const [batch, count] = [tokens.length, tokens[0]!.length];
    const before = this.#lengths.slice(first, first + batch);
    const longest = Math.max(...before) + count;
    if (longest > this.contextTokens) throw new Error(`a slot in ${first} + ${batch} is full`);
    this.#reserve(longest);
    // A prompt that begins here reads no cache, however large it is.
    const capacity = longest === count ? 1 : this.#capacity;
    const feeds: Record<string, Value> = {
      ...this.#tables,
      ids: value("int64", [batch, count], BigInt64Array.from(tokens.flat(), BigInt)),
      positions: value(
        "int64",
        [batch, count],
        BigInt64Array.from({ length: batch * count }, (_, i) =>
          BigInt(before[Math.floor(i / count)]! + (i % count)),
        ),
      ),
      open: mask(
        [batch, 1, 1, count, capacity],
        (row, at) => at < before[Math.floor(row / count)]!,
      ),
      causal: mask([batch, 1, 1, count, count], (row, at) => at <= row % count),
      capacity: value("int64", [1], BigInt64Array.of(BigInt(capacity))),
      ends: value(
        "int64",
        [batch],
        BigInt64Array.from(before, (_, i) => BigInt((i + 1) * count - 1)),
      ),
    };
    if (this.#adapted)
      feeds["adapter"] = value(
        "int64",
        [batch],
        BigInt64Array.from(this.#chosen.slice(first, first + batch), BigInt),
      );
    const shape = [batch, kvHeads(this.#config), 1, capacity, headDim(this.#config)];
    const from = first * this.#stride;
    const slots = (cache: Float32Array): Value =>
      value("float32", shape, cache.subarray(from, from + sizeOf(shape)));
    for (let layer = 0; layer < this.#keys.length; layer++) {
      feeds[`keys.${layer}`] = slots(this.#keys[layer]!);
      feeds[`values.${layer}`] = slots(this.#values[layer]!);
    }
    const program = await this.#ready();
    const outputs = await program.run(feeds);
    this.#keep(floats(outputs["entries"]), first, batch, count);
    for (let i = 0; i < batch; i++) this.#lengths[first + i]! += count;
    const data = floats(outputs["logits"]);
    const vocab = this.#config.vocab_size;
    return tokens.map((_, i) => data.subarray(i * vocab, (i + 1) * vocab));
  }

  /** Puts a run's new entries (see `decodeGraph`) behind those of the slots from `first` on. */
  #keep(entries: Float32Array, first: number, batch: number, count: number): void {
    const width = headDim(this.#config);
    const caches = this.#keys.flatMap((keys, layer) => [keys, this.#values[layer]!]);
    let at = 0;
    for (let slot = first; slot < first + batch; slot++)
      for (const cache of caches)
        for (let head = 0; head < kvHeads(this.#config); head++, at += count * width)
          cache.set(
            entries.subarray(at, at + count * width),
            slot * this.#stride + (head * this.#capacity + this.#lengths[slot]!) * width,
          );
  }

  #ready(): Promise<Program> {
    if (this.#program) return this.#program;
    const make = this.#compile;
    if (!make) throw new Error("the decoder was released");
    this.#compile = undefined;
    return (this.#program = make());
  }
}
