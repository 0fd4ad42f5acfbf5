/** An error as the wire shows it: HTTP status and OpenAI's error body. Stacks never leave the process. */
import { z } from "zod";
import { TwainError, isAbort } from "../core/errors.ts";

export interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

export interface WireError {
  status: 400 | 403 | 404 | 405 | 413 | 415 | 429 | 500 | 503 | 504;
  headers: Record<string, string>;
  body: ErrorBody;
}

type Row = [status: WireError["status"], type: string, code: string | null];

const BAD = "invalid_request_error";
const TABLE: Record<string, Row> = {
  "serve/bad-request": [400, BAD, null],
  "serve/bad-json": [400, BAD, null],
  "generate/context-overflow": [400, BAD, "context_length_exceeded"],
  "serve/foreign-host": [403, "permission_error", "foreign_host"],
  "serve/foreign-origin": [403, "permission_error", "foreign_origin"],
  "serve/model-not-found": [404, BAD, "model_not_found"],
  "serve/not-found": [404, BAD, "not_found"],
  "serve/method-not-allowed": [405, BAD, "method_not_allowed"],
  "serve/body-too-large": [413, BAD, "body_too_large"],
  "serve/unsupported-media-type": [415, BAD, "unsupported_media_type"],
  "serve/busy": [429, "rate_limit_error", "busy"],
  "serve/loading": [503, "server_error", "loading"],
};

const RETRY_AFTER: Partial<Record<WireError["status"], string>> = { 429: "2", 503: "5" };

/** `["messages", 0, "content"]` → `messages[0].content`, as OpenAI writes it. */
export function paramOf(path: readonly PropertyKey[]): string | null {
  const text = path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("");
  return text.replace(/^\./, "") || null;
}

/** A malformed request: the first issue names the parameter. */
export function badRequest(error: z.ZodError): TwainError {
  const issue = error.issues[0];
  const param = issue && paramOf(issue.path);
  return new TwainError(
    "serve/bad-request",
    `${param ? `${param}: ` : ""}${issue?.message ?? "invalid request"}`,
    {
      cause: error,
    },
  );
}

const body = (
  message: string,
  type: string,
  param: string | null,
  code: string | null,
): ErrorBody => ({
  error: { message, type, param, code },
});

/** What a client is told. Anything but a TwainError says only that it happened: its text may hold what is not theirs. */
export function toWireError(error: unknown): WireError {
  if (error instanceof TwainError) {
    const [status, type, code] = TABLE[error.code] ?? [500, "server_error", error.code];
    const param =
      error.cause instanceof z.ZodError ? paramOf(error.cause.issues[0]?.path ?? []) : null;
    const retry = RETRY_AFTER[status];
    return {
      status,
      headers: retry ? { "retry-after": retry } : {},
      body: body(error.hint ? `${error.message}. ${error.hint}` : error.message, type, param, code),
    };
  }
  if (isAbort(error)) {
    const timeout = error instanceof Error && error.name === "TimeoutError";
    const message = timeout ? "The model did not answer in time." : "The request was aborted.";
    return {
      status: timeout ? 504 : 503,
      headers: {},
      body: body(message, "server_error", null, timeout ? "timeout" : "aborted"),
    };
  }
  return {
    status: 500,
    headers: {},
    body: body("The server failed; its log says why.", "server_error", null, null),
  };
}
