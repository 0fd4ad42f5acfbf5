/** Holds a model for generation: compiled graphs by size, and the key-value cache of every sequence. */
import { TwainError } from "../core/errors.ts";
import { type Graph, type Program, type Value, compile, value } from "../engine/index.ts";
import { headDim, kvHeads } from "../models/config.ts";
import { contextLimit } from "../models/context-limit.ts";
import type { Model } from "../models/folder.ts";
import { ropeTable } from "../models/rope-table.ts";
import { decodeGraph, prefillGraph } from "./decode-graphs.ts";

export interface DecoderOptions {
  /** Sequences that are decoded together. */
  slots: number;
  /** Tokens of prompt and answer together; at most the model's own limit. */
  contextTokens: number;
}

/** The smallest power of two that holds `count`, from `least`, at most `most`. */
function bucket(count: number, least: number, most: number): number {
  let size = least;
  while (size < count) size *= 2;
  return Math.min(size, most);
}

const floats = (found: Value | undefined): Float32Array => {
  if (found?.data instanceof Float32Array) return found.data;
  throw new Error("expected a float32 output");
};

export class Decoder {
  readonly contextTokens: number;
  readonly slots: number;
  readonly #model: Model;
  readonly #fixed: Record<string, Value> = {};
  readonly #programs = new Map<string, Promise<Program>>();
  /** By layer, `[slots, kvHeads, contextTokens, headDim]`. */
  readonly #keys: Float32Array[] = [];
  readonly #values: Float32Array[] = [];
  /** Cached tokens of each slot. */
  readonly #lengths: number[];

  constructor(model: Model, options: DecoderOptions) {
    const { config } = model;
    this.#model = model;
    this.slots = options.slots;
    this.contextTokens = Math.min(options.contextTokens, contextLimit(config));
    for (const [name] of model.architecture.parameters(config)) {
      const { shape, data } = model.tensors.get(name)!;
      this.#fixed[name] = value("float32", shape, data);
    }
    const table = ropeTable(config, this.contextTokens);
    this.#fixed["cos"] = value("float32", [this.contextTokens, headDim(config)], table.cos);
    this.#fixed["sin"] = value("float32", [this.contextTokens, headDim(config)], table.sin);
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      this.#keys.push(new Float32Array(this.slots * this.#stride));
      this.#values.push(new Float32Array(this.slots * this.#stride));
    }
    this.#lengths = new Array<number>(this.slots).fill(0);
  }

  /** Reads prompts into slots `first`, `first + 1`, …; returns the logits after each prompt. */
  async prefill(prompts: readonly (readonly number[])[], first: number): Promise<Float32Array[]> {
    const longest = Math.max(...prompts.map((prompt) => prompt.length));
    if (longest > this.contextTokens)
      throw new TwainError(
        "generate/context-overflow",
        `a prompt of ${longest} tokens does not fit a context of ${this.contextTokens}`,
        { hint: "Shorten the conversation." },
      );
    const batch = bucket(prompts.length, 1, this.slots);
    const tokens = bucket(longest, Math.min(32, this.contextTokens), this.contextTokens);
    const ids = new BigInt64Array(batch * tokens);
    const positions = BigInt64Array.from({ length: batch * tokens }, (_, i) => BigInt(i % tokens));
    const last = new BigInt64Array(batch);
    for (const [row, prompt] of prompts.entries()) {
      prompt.forEach((id, i) => (ids[row * tokens + i] = BigInt(id)));
      last[row] = BigInt(row * tokens + prompt.length - 1);
    }
    const program = await this.#program(`prefill ${batch} ${tokens}`, () =>
      prefillGraph(this.#model, batch, tokens, this.contextTokens),
    );
    const outputs = await program.run({
      ...this.#fixed,
      ids: value("int64", [batch, tokens], ids),
      positions: value("int64", [batch, tokens], positions),
      last: value("int64", [batch], last),
    });
    for (const [row, prompt] of prompts.entries()) {
      this.#store(outputs, row, first + row, 0, prompt.length, tokens);
      this.#lengths[first + row] = prompt.length;
    }
    return this.#logits(outputs, prompts.length);
  }

  /** Adds `tokens[i]` to slot i for the first `tokens.length` slots; returns the logits after each. */
  async step(tokens: readonly number[]): Promise<Float32Array[]> {
    const { config } = this.#model;
    const batch = bucket(tokens.length, 1, this.slots);
    const capacity = this.contextTokens;
    const ids = new BigInt64Array(batch);
    const positions = new BigInt64Array(batch);
    const pastMask = new Float32Array(batch * capacity).fill(-1e9);
    for (const [slot, token] of tokens.entries()) {
      const length = this.#lengths[slot]!;
      if (length >= capacity) throw new Error(`slot ${slot} is full`);
      ids[slot] = BigInt(token);
      positions[slot] = BigInt(length);
      pastMask.fill(0, slot * capacity, slot * capacity + length);
    }
    const feeds: Record<string, Value> = {
      ...this.#fixed,
      ids: value("int64", [batch, 1], ids),
      positions: value("int64", [batch, 1], positions),
      pastMask: value("float32", [batch, capacity], pastMask),
    };
    const shape = [batch, kvHeads(config), capacity, headDim(config)];
    for (let layer = 0; layer < config.num_hidden_layers; layer++) {
      feeds[`pastKey.${layer}`] = value(
        "float32",
        shape,
        this.#keys[layer]!.subarray(0, batch * this.#stride),
      );
      feeds[`pastValue.${layer}`] = value(
        "float32",
        shape,
        this.#values[layer]!.subarray(0, batch * this.#stride),
      );
    }
    const program = await this.#program(`decode ${batch}`, () =>
      decodeGraph(this.#model, batch, capacity, this.contextTokens),
    );
    const outputs = await program.run(feeds);
    for (let slot = 0; slot < tokens.length; slot++) {
      this.#store(outputs, slot, slot, this.#lengths[slot]!, 1, 1);
      this.#lengths[slot]!++;
    }
    return this.#logits(outputs, tokens.length);
  }

  /** Moves the sequence of slot `from` to slot `to`. */
  move(from: number, to: number): void {
    for (const cache of [...this.#keys, ...this.#values])
      cache.copyWithin(to * this.#stride, from * this.#stride, (from + 1) * this.#stride);
    this.#lengths[to] = this.#lengths[from]!;
  }

  async release(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).release();
    this.#programs.clear();
  }

  /** Cache elements of one slot in one layer. */
  get #stride(): number {
    return kvHeads(this.#model.config) * this.contextTokens * headDim(this.#model.config);
  }

  /** Copies `count` new entries of batch row `row` into a slot from position `at`; rows hold `tokens` entries. */
  #store(
    outputs: Record<string, Value>,
    row: number,
    slot: number,
    at: number,
    count: number,
    tokens: number,
  ): void {
    const heads = kvHeads(this.#model.config);
    const size = headDim(this.#model.config);
    for (let layer = 0; layer < this.#keys.length; layer++) {
      for (const [name, cache] of [
        ["key", this.#keys[layer]!],
        ["value", this.#values[layer]!],
      ] as const) {
        const data = floats(outputs[`${name}.${layer}`]);
        for (let head = 0; head < heads; head++) {
          const from = (row * heads + head) * tokens * size;
          cache.set(
            data.subarray(from, from + count * size),
            slot * this.#stride + (head * this.contextTokens + at) * size,
          );
        }
      }
    }
  }

  #logits(outputs: Record<string, Value>, count: number): Float32Array[] {
    const data = floats(outputs["logits"]);
    const vocab = this.#model.config.vocab_size;
    return Array.from({ length: count }, (_, i) => data.subarray(i * vocab, (i + 1) * vocab));
  }

  #program(key: string, build: () => Graph): Promise<Program> {
    let program = this.#programs.get(key);
    if (!program) this.#programs.set(key, (program = compile(build())));
    return program;
  }
}
