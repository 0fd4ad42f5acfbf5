/**
 * JSON from a public service while somebody waits for it: a rate limit, a cache, one more attempt when the service says
 * it is busy, and a limit on the time of all of it. An interface made for programs has no robots.txt to be read.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { TwainError, isAbort } from "../core/errors.ts";
import { type HttpAnswer, httpGet } from "../core/http-get.ts";
import { WeatherUnavailable } from "./provider.ts";

export interface JsonServiceOptions {
  /** `host:port` of servers of one's own, which may be on a private address. */
  privateHosts: readonly string[];
  timeoutMs: number;
  maxBytes: number;
  cacheMs: number;
  cacheEntries: number;
  /** Requests a minute, as a bucket of tokens that may be spent in one burst. */
  perMinute: number;
  /** Before the one more attempt after 429 or 503, where the service names no pause. */
  retryMs: number;
}

/** Status and parsed body. Throws WeatherUnavailable; its messages name the host, never the query. */
export type JsonService = (
  url: URL,
  signal: AbortSignal,
) => Promise<{ status: number; body: unknown }>;

async function readText(answer: HttpAnswer): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of answer.body) parts.push(part);
  return new TextDecoder().decode(Buffer.concat(parts));
}

/** Tokens drip in evenly; `take` waits for one. */
function tokenBucket(perMinute: number): (signal: AbortSignal) => Promise<void> {
  let tokens = perMinute;
  let last = performance.now();
  return async (signal) => {
    const now = performance.now();
    tokens = Math.min(perMinute, tokens + ((now - last) / 60_000) * perMinute);
    last = now;
    // Taken before the wait, so that those who come later wait longer.
    tokens -= 1;
    if (tokens < 0) await sleep((-tokens * 60_000) / perMinute, undefined, { signal });
  };
}

/** A service with its own cache and bucket. */
export function createJsonService(options: JsonServiceOptions): JsonService {
  const take = tokenBucket(options.perMinute);
  const cache = new Map<string, { until: number; body: unknown }>();

  const request = (url: URL, signal: AbortSignal): Promise<{ status: number; body: unknown }> =>
    httpGet(
      url,
      {
        signal,
        privateHosts: options.privateHosts,
        maxBytes: options.maxBytes,
        attempts: 2,
        backOffMs: options.retryMs,
        retry: (status) => status === 429 || status === 503,
        maxRedirects: 0,
        headers: () => ({
          accept: "application/json",
          "accept-encoding": "gzip",
          "user-agent": "twainbot",
        }),
        before: () => take(signal),
      },
      async (answer) => {
        const text = await readText(answer);
        try {
          return { status: answer.status, body: JSON.parse(text) as unknown };
        } catch {
          throw new WeatherUnavailable(
            `${url.host} answered with status ${answer.status} and no JSON`,
          );
        }
      },
    );

  /** Says what happened without its cause, which may hold the whole address, key included. */
  const unavailable = (url: URL, error: unknown): WeatherUnavailable => {
    if (error instanceof WeatherUnavailable) return error;
    if (isAbort(error))
      return new WeatherUnavailable(`${url.host} did not answer within ${options.timeoutMs} ms`);
    if (error instanceof TwainError && error.code === "collect/too-large")
      return new WeatherUnavailable(`the weather service sent more than ${options.maxBytes} bytes`);
    return new WeatherUnavailable(`${url.host} could not be reached`);
  };

  return async (url, signal) => {
    signal.throwIfAborted();
    const key = url.href;
    const known = cache.get(key);
    if (known && known.until > performance.now()) return { status: 200, body: known.body };
    cache.delete(key);
    let answer: { status: number; body: unknown };
    try {
      answer = await request(
        url,
        AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
      );
    } catch (error) {
      signal.throwIfAborted();
      throw unavailable(url, error);
    }
    if (answer.status === 200) {
      if (cache.size >= options.cacheEntries) {
        for (const oldest of cache.keys()) {
          cache.delete(oldest);
          break;
        }
      }
      cache.set(key, { until: performance.now() + options.cacheMs, body: answer.body });
    }
    return answer;
  };
}
