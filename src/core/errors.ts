/**
 * The one error class of the project. Thrown for what a user or their data did; a programming
 * error stays a plain Error, so that its stack is shown.
 */

/** The folder that noticed the problem. `docs/errors.md` explains each code. */
type ErrorArea =
  | "core"
  | "recipe"
  | "collect"
  | "curate"
  | "data"
  | "tokenizer"
  | "engine"
  | "model"
  | "train"
  | "generate"
  | "evaluate"
  | "weather"
  | "serve"
  | "export"
  | "cli";

/** Stable, greppable: `<area>/<kebab-case>`. */
export type ErrorCode = `${ErrorArea}/${string}`;

export interface TwainErrorOptions {
  /** What the user can do about it, one sentence. */
  hint?: string;
  cause?: unknown;
}

/** An error that names what happened with the numbers in it, and what to do. */
export class TwainError extends Error {
  override readonly name = "TwainError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: TwainErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** True for the rejection that an aborted signal causes, whoever raised it. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
