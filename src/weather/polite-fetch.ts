/**
 * JSON from a public service, asked politely: a rate limit, a cache, one retry when the service
 * says it is busy, a time limit, and a limit on what is read back.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isAbort } from "../core/errors.ts";
import { WeatherUnavailable } from "./provider.ts";

export interface PoliteFetchOptions {
  timeoutMs: number;
  maxBytes: number;
  cacheMs: number;
  cacheEntries: number;
  /** Requests a minute, as a bucket of tokens that may be spent in one burst. */
  perMinute: number;
  /** Before the one retry after 429 or 503; a shorter `Retry-After` is honoured. */
  retryMs: number;
}

/** Status and parsed body. Throws WeatherUnavailable; its messages name the host, never the query. */
export type PoliteFetch = (
  url: URL,
  signal: AbortSignal,
) => Promise<{ status: number; body: unknown }>;

async function readLimited(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      throw new WeatherUnavailable(`the weather service sent more than ${maxBytes} bytes`);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
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

/** Milliseconds of a `Retry-After` in seconds, at most `limit`. */
function retryAfter(response: Response, limit: number): number {
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, limit) : limit;
}

/** A fetcher with its own cache and bucket. */
export function createPoliteFetch(options: PoliteFetchOptions): PoliteFetch {
  const take = tokenBucket(options.perMinute);
  const cache = new Map<string, { until: number; body: unknown }>();

  const request = async (
    url: URL,
    signal: AbortSignal,
  ): Promise<{ status: number; body: unknown }> => {
    for (let attempt = 0; ; attempt++) {
      await take(signal);
      const response = await fetch(url, {
        signal,
        redirect: "error",
        headers: { accept: "application/json", "user-agent": "twainbot" },
      });
      if ((response.status === 429 || response.status === 503) && attempt === 0) {
        await response.body?.cancel();
        await sleep(retryAfter(response, options.retryMs), undefined, { signal });
        continue;
      }
      const text = await readLimited(response, options.maxBytes);
      try {
        return { status: response.status, body: JSON.parse(text) as unknown };
      } catch {
        throw new WeatherUnavailable(
          `${url.host} answered with status ${response.status} and no JSON`,
        );
      }
    }
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
      if (error instanceof WeatherUnavailable) throw error;
      // The cause is dropped on purpose: fetch may put the whole address, key included, into it.
      throw new WeatherUnavailable(
        isAbort(error)
          ? `${url.host} did not answer within ${options.timeoutMs} ms`
          : `${url.host} could not be reached`,
      );
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
