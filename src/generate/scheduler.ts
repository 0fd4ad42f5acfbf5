/**
 * Continuous batching: requests that run at the same time are decoded together, and one may join or
 * leave after any token.
 */
import { TwainError } from "../core/errors.ts";
import type { Decoder } from "./decoder.ts";

export interface GenerateRequest {
  prompt: readonly number[];
  maxTokens: number;
  /** Chooses the next token. */
  sample(logits: Float32Array): number;
  endIds: ReadonlySet<number>;
  signal?: AbortSignal;
}

interface Sequence {
  request: GenerateRequest;
  produced: number;
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
  readonly #waiting: Sequence[] = [];
  /** Sequence i is in slot i of the decoder. */
  readonly #active: Sequence[] = [];
  #pumping: Promise<void> | undefined;
  #closed = false;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
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
      this.#take(sequence, await this.#decoder.prefill(sequence.request.prompt, first + i));
    this.#compact();
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
