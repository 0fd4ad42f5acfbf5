/**
 * Requests to an endpoint that speaks OpenAI's chat API: sent again with growing pauses while it is busy or
 * failing, as often as the recipe allows. The key leaves this file in one header and nowhere else.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TwainError, isAbort } from "../../core/errors.ts";
import type { WrittenConfig } from "../../core/written-config.ts";
import type { Answer, AnswerKey } from "./answer-cache.ts";

export type FailureClass =
  /** No connection, or one that broke off. */
  | "unreachable"
  | "timeout"
  /** 429 to the last attempt. */
  | "rate-limited"
  /** 5xx to the last attempt. */
  | "server-error"
  /** Any other status: asking again would not help. */
  | "refused"
  /** 200, but no chat completion. */
  | "bad-answer";

export interface Failure {
  class: FailureClass;
  attempts: number;
  /** For people; holds no secret. */
  message: string;
}

export type Reply = { ok: true; answer: Answer } | { ok: false; failure: Failure };

export interface Endpoint {
  /**
   * `admit` is asked before every attempt; undefined where it refuses the first. Throws `data/endpoint-access` for
   * 401 and 403, and what an aborted signal causes; all else is a failure.
   */
  ask(
    key: AnswerKey,
    admit: () => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<Reply | undefined>;
}

export interface EndpointOptions {
  config: WrittenConfig;
  /** Asked before the first request; undefined where the recipe names no key. */
  key: () => string | undefined;
  fetch: typeof fetch;
  /** Seconds before the second attempt; doubled for each further one. */
  backOff?: number;
}

/** A longer `Retry-After` is not waited for. */
const MAX_WAIT = 300;
const MAX_BYTES = 4 << 20;

/** The fields that are read; servers differ in all others. */
const Part = z.looseObject({ text: z.string().optional() });
const Completion = z.looseObject({
  model: z.string().nullish(),
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({ content: z.union([z.string(), z.array(Part)]).nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z
    .looseObject({
      prompt_tokens: z.number().nonnegative().nullish(),
      completion_tokens: z.number().nonnegative().nullish(),
    })
    .nullish(),
});
const ErrorBody = z.looseObject({
  error: z.union([z.string(), z.looseObject({ message: z.string() })]),
});

/** Where an endpoint counts no tokens, one is taken to be three bytes, which is more than most have. */
export const estimateTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / 3);

/** Seconds of a `Retry-After`, which is a number of them or a date. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}

async function readBody(response: Response): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    const bytes = part as Uint8Array;
    size += bytes.length;
    if (size > MAX_BYTES) return undefined;
    parts.push(bytes);
  }
  return new TextDecoder().decode(Buffer.concat(parts));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The key that the recipe names. Throws `data/endpoint-key` where the environment has none that a header can carry. */
export function endpointKey(
  { apiKeyEnv }: WrittenConfig["endpoint"],
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (apiKeyEnv === undefined) return undefined;
  const key = env[apiKeyEnv]?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new TwainError(
    "data/endpoint-key",
    `the environment variable ${apiKeyEnv} is ${key === "" ? "not set" : "not a key: it has characters that no header can carry"}`,
    { hint: "Export it before the command, or leave curate.written.endpoint.apiKeyEnv out." },
  );
}

export function openEndpoint(options: EndpointOptions): Endpoint {
  const { config, fetch, backOff = 1 } = options;
  const { endpoint, attempts, timeoutSeconds } = config;
  const host = new URL(endpoint.url).host;
  /** What one request was told to wait for, all wait for. */
  let notBefore = 0;
  let key: string | undefined;

  const hidden = (text: string): string => (key ? text.replaceAll(key, "[key]") : text);

  async function send(
    asked: AnswerKey,
    signal: AbortSignal,
  ): Promise<{ status: number; wait: number | undefined; text: string | undefined }> {
    const response = await fetch(`${endpoint.url}/chat/completions`, {
      method: "POST",
      // Followed, a redirect would carry the key to another host.
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...(key && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({
        ...asked.parameters,
        model: endpoint.model,
        messages: asked.messages,
      }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
    });
    return {
      status: response.status,
      wait: retryAfter(response.headers.get("retry-after"), Date.now()),
      text: await readBody(response),
    };
  }

  /** One attempt: an answer, or what went wrong and whether it may go right the next time. */
  async function attempt(
    asked: AnswerKey,
    signal: AbortSignal,
  ): Promise<
    | { answer: Omit<Answer, "attempts"> }
    | { class: FailureClass; message: string; again: boolean; wait?: number | undefined }
  > {
    let status: number;
    let text: string | undefined;
    let wait: number | undefined;
    try {
      ({ status, text, wait } = await send(asked, signal));
    } catch (error) {
      signal.throwIfAborted();
      if (isAbort(error))
        return {
          class: "timeout",
          message: `${host} did not answer within ${timeoutSeconds} s`,
          again: true,
        };
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      // Only the system's code: a message may hold what was sent.
      const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
      return { class: "unreachable", message: `${host} could not be reached${code}`, again: true };
    }
    if (status === 401 || status === 403) {
      throw new TwainError("data/endpoint-access", `${host} refuses the key (status ${status})`, {
        hint: endpoint.apiKeyEnv
          ? `Look at what ${endpoint.apiKeyEnv} holds, and whether that account may use ${endpoint.model}.`
          : "Name the environment variable of a key in curate.written.endpoint.apiKeyEnv.",
      });
    }
    if (text === undefined)
      return {
        class: "bad-answer",
        message: `${host} sent more than ${MAX_BYTES} bytes`,
        again: false,
      };
    const body = parseJson(text);
    if (status !== 200) {
      const said = ErrorBody.safeParse(body);
      const reason = said.success
        ? `: ${hidden(typeof said.data.error === "string" ? said.data.error : said.data.error.message).slice(0, 200)}`
        : "";
      const message = `${host} answered with status ${status}${reason}`;
      if (status === 429) return { class: "rate-limited", message, again: true, wait };
      if (status >= 500) return { class: "server-error", message, again: true, wait };
      return { class: "refused", message, again: false };
    }
    const parsed = Completion.safeParse(body);
    if (!parsed.success || (key !== undefined && text.includes(key)))
      return {
        class: "bad-answer",
        message: `${host} answered with no chat completion`,
        again: true,
      };
    const { choices, usage, model } = parsed.data;
    const { message, finish_reason } = choices[0]!;
    const content =
      typeof message.content === "string"
        ? message.content
        : (message.content ?? []).map((part) => part.text ?? "").join("");
    const prompt = asked.messages.map((each) => each.content).join("\n");
    return {
      answer: {
        content,
        finish: finish_reason ?? "stop",
        ...(model && { served: model }),
        tokens: {
          input: usage?.prompt_tokens ?? estimateTokens(prompt),
          output: usage?.completion_tokens ?? estimateTokens(content),
        },
      },
    };
  }

  return {
    async ask(asked, admit, signal) {
      let failure: Failure | undefined;
      key ??= options.key();
      for (let n = 1; ; n++) {
        if (!(await admit())) return failure && { ok: false, failure };
        const pause = notBefore - Date.now();
        if (pause > 0) await sleep(pause, undefined, { signal });
        signal.throwIfAborted();
        const got = await attempt(asked, signal);
        if ("answer" in got) return { ok: true, answer: { ...got.answer, attempts: n } };
        const wait = got.wait ?? backOff * 2 ** (n - 1);
        failure = { class: got.class, attempts: n, message: got.message };
        if (!got.again || n >= attempts || wait > MAX_WAIT) return { ok: false, failure };
        if (got.wait === undefined) await sleep(wait * 1000, undefined, { signal });
        else notBefore = Math.max(notBefore, Date.now() + wait * 1000);
      }
    },
  };
}
