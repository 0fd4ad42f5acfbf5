/**
 * Continuous batching: requests that run at the same time are decoded together, and one may join or
 * leave after any token.
 */
import { TwainError } from "../core/errors.ts";
import type { Decoder } from "./decoder.ts";
import type { PrefixCache } from "./prefix-cache.ts";

export interface GenerateRequest {
  prompt: readonly number[];
  maxTokens: number;
  /** Which of the decoder's adapters; the base where left out. */
  adapter?: number | undefined;
  /** Under which key prefixes are kept and found; without one none are. */
  prefixKey?: string | undefined;
  /** Told when the prompt was read, and how many of its tokens did not have to be computed. */
  onPrompt?(cachedTokens: number): void;
  /** Chooses the next token. */
  sample(logits: Float32Array): number;
  endIds: ReadonlySet<number>;
  signal?: AbortSignal;
}

interface Sequence {
  request: GenerateRequest;
  produced: number;
  /** Prompt and answer so far. */
  tokens: number[];
  /** The token that the next step feeds. */
  next: number;
  /** Tokens that the consumer has not taken yet; undefined ends the stream. */
  outbox: (number | undefined)[];
  finish: "stop" | "length";
  error?: unknown;
  wake: () => void;
}

/** Prompts are read in groups of at most this many, so that running sequences do not wait long. */
const PREFILL_GROUP = 8;

export class Scheduler {
  readonly #decoder: Decoder;
  readonly #prefixes: PrefixCache | undefined;
  readonly #waiting: Sequence[] = [];
  /** Sequence i is in slot i of the decoder. */
  readonly #active: Sequence[] = [];
  #pumping: Promise<void> | undefined;
  #closed = false;

  constructor(decoder: Decoder, prefixes?: PrefixCache) {
    this.#decoder = decoder;
    this.#prefixes = prefixes;
  }

  /** Token ids until an end token (not yielded) or a limit. Leaving the loop early stops the sequence. */
  async *generate(request: GenerateRequest): AsyncGenerator<number, "stop" | "length"> {
    request.signal?.throwIfAborted();
    if (this.#closed) throw new Error("the scheduler is closed");
    const room = this.#decoder.contextTokens - request.prompt.length;
    if (request.prompt.length === 0) throw new Error("the prompt is empty");
    if (room < 1) {
      throw new TwainError(
        "generate/context-overflow",
        `the prompt has ${request.prompt.length} tokens, the context holds ${this.#decoder.contextTokens}`,
        { hint: "Shorten the conversation." },
      );
    }
    const maxTokens = Math.min(request.maxTokens, room);
    const sequence: Sequence = {
      request: { ...request, maxTokens },
      produced: 0,
      tokens: [...request.prompt],
      next: 0,
      outbox: [],
      finish: "length",
      wake: () => {},
    };
    const onAbort = (): void => sequence.wake();
    request.signal?.addEventListener("abort", onAbort);
    this.#waiting.push(sequence);
    this.#pumping ??= this.#pump().finally(() => (this.#pumping = undefined));
    try {
      for (;;) {
        while (sequence.outbox.length === 0 && !sequence.error && !request.signal?.aborted)
          await new Promise<void>((resolve) => (sequence.wake = resolve));
        request.signal?.throwIfAborted();
        if (sequence.error) throw sequence.error;
        const token = sequence.outbox.shift();
        if (token === undefined) return sequence.finish;
        yield token;
      }
    } finally {
      request.signal?.removeEventListener("abort", onAbort);
      this.#leave(sequence);
    }
  }

  /** Waits for the step in progress; requests that still run are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const sequence of [...this.#waiting, ...this.#active])
      fail(sequence, new Error("the scheduler was closed"));
    this.#waiting.length = 0;
    this.#active.length = 0;
    await this.#pumping;
    await this.#decoder.release();
  }

  /** Consumers that have gone are dropped at the next step; their slot is filled by the last one. */
  #leave(sequence: Sequence): void {
    const waiting = this.#waiting.indexOf(sequence);
    if (waiting >= 0) this.#waiting.splice(waiting, 1);
    sequence.finish = "stop";
    sequence.request = { ...sequence.request, maxTokens: 0 };
  }

  async #pump(): Promise<void> {
    try {
      while (this.#waiting.length > 0 || this.#active.length > 0) {
        this.#compact();
        await this.#admit();
        if (this.#active.length === 0) continue;
        const logits = await this.#decoder.step(this.#active.map(({ next }) => next));
        this.#active.forEach((sequence, slot) => this.#take(sequence, logits[slot]!));
      }
    } catch (error) {
      for (const sequence of [...this.#waiting, ...this.#active]) fail(sequence, error);
      this.#waiting.length = 0;
      this.#active.length = 0;
    }
  }

  async #admit(): Promise<void> {
    const free = this.#decoder.slots - this.#active.length;
    const group = this.#waiting.splice(0, Math.min(free, PREFILL_GROUP));
    if (group.length === 0) return;
    const first = this.#active.length;
    this.#active.push(...group);
    for (const [i, sequence] of group.entries())
      this.#take(sequence, await this.#read(sequence.request, first + i));
    this.#compact();
  }

  /** Reads a prompt into a slot, what is known of it from the cache. */
  async #read(
    { prompt, adapter, prefixKey, onPrompt }: GenerateRequest,
    slot: number,
  ): Promise<Float32Array> {
    const known = prefixKey === undefined ? undefined : this.#prefixes?.find(prefixKey, prompt);
    if (known) this.#decoder.restore(slot, known.saved, known.tokens, known.count);
    const cached = known?.count ?? 0;
    const logits = await this.#decoder.prefill(prompt, slot, { adapter, cached });
    onPrompt?.(cached);
    return logits;
  }

  /** Keeps a slot's entries for prompts that begin with the same tokens. */
  #keep({ request: { prefixKey }, tokens, error }: Sequence, slot: number): void {
    if (prefixKey === undefined || error) return;
    const known = tokens.slice(0, this.#decoder.length(slot));
    this.#prefixes?.put(prefixKey, known, this.#decoder.bytesOf(known.length), () =>
      this.#decoder.save(slot),
    );
  }

  #take(sequence: Sequence, logits: Float32Array): void {
    const { request } = sequence;
    if (sequence.produced >= request.maxTokens) return;
    try {
      const token = request.sample(logits);
      if (request.endIds.has(token)) {
        sequence.finish = "stop";
        sequence.produced = request.maxTokens;
        sequence.outbox.push(undefined);
      } else {
        sequence.next = token;
        sequence.tokens.push(token);
        sequence.produced++;
        sequence.outbox.push(token);
        if (sequence.produced >= request.maxTokens) sequence.outbox.push(undefined);
      }
      sequence.wake();
    } catch (error) {
      fail(sequence, error);
    }
  }

  /** Finished sequences give their slot to the last one, so that the active slots stay the first ones. */
  #compact(): void {
    for (let slot = this.#active.length - 1; slot >= 0; slot--) {
      const sequence = this.#active[slot]!;
      if (sequence.produced < sequence.request.maxTokens && !sequence.error) continue;
      this.#keep(sequence, slot);
      const last = this.#active.length - 1;
      if (slot !== last) {
        this.#decoder.move(last, slot);
        this.#active[slot] = this.#active[last]!;
      }
      this.#active.pop();
    }
  }
}

function fail(sequence: Sequence, error: unknown): void {
  sequence.error = error;
  sequence.wake();
}
