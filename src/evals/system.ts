/** A `System`: something that is evaluated, such as the base model or the model with its adapter. */
import type { Chat } from "../core/chat.ts";
import type { Conversation } from "../core/conversation.ts";

export interface RowLogProb {
  /** Log-probability of the row's trained tokens, in nats: at most 0. */
  sum: number;
  /** Trained tokens. */
  tokens: number;
  /** UTF-8 bytes of the text that they spell. */
  bytes: number;
}

/**
 * Tasks ask one system at a time, and do not chat and score at once: what a system needs for the one may be closed
 * for the other.
 */
export interface System {
  /** `base`, `adapter`. */
  readonly name: string;
  readonly chat: Chat;
  /** One entry for each row, in order; undefined for a row longer than its context, which is never cut. */
  logProbs(rows: readonly Conversation[], signal: AbortSignal): Promise<(RowLogProb | undefined)[]>;
  close?(): Promise<void>;
}
