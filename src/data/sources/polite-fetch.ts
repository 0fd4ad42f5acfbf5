/**
 * Downloads the way a guest behaves: robots.txt first, one request at a time, a pause between two,
 * everything kept on disk so that nothing is asked for twice.
 */
import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { BlockList, isIP } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import robotsModule from "robots-parser";
import { z } from "zod";
import { writeFileAtomic } from "../../core/atomic-file.ts";
import { TwainError } from "../../core/errors.ts";
import { sha256 } from "../../core/hash.ts";
import { versions } from "../../core/versions.ts";

export interface PoliteOptions {
  fetch: typeof fetch;
  cacheDir: string;
  signal: AbortSignal;
  /** Pause between two requests to a host; public hosts never get less than 2 s. */
  delaySeconds: number;
  /** The host that the user named; only it may be on the loopback. */
  host: string;
  maxBytes?: number;
  /** A kept download that is older is fetched again; by default none is. */
  maxAgeHours?: number;
  /** What the user may do where the host does not serve them, as the end of a hint. */
  instead?: string;
}

export interface Download {
  bytes: Uint8Array;
  /** ISO time of the download, also when it comes from the cache. */
  fetchedAt: string;
}

// The package is CommonJS and exports the function itself; its types say otherwise.
const robotsParser = robotsModule as unknown as typeof robotsModule.default;

const ATTEMPTS = 4;
const MAX_REDIRECTS = 5;
const TIMEOUT_MS = 60_000;
const CacheEntry = z.object({ url: z.string(), fetchedAt: z.string(), sha256: z.string() });

const privateAddresses = (): BlockList => {
  const list = new BlockList();
  for (const [net, bits] of [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["224.0.0.0", 3],
  ] as const)
    list.addSubnet(net, bits);
  for (const [net, bits] of [
    ["::", 127],
    ["fc00::", 7],
    ["fe80::", 10],
    ["ff00::", 8],
  ] as const)
    list.addSubnet(net, bits, "ipv6");
  // ::ffff:10.0.0.1 is 10.0.0.1.
  list.addSubnet("::ffff:0:0", 96, "ipv6");
  return list;
};

export const isLoopbackHost = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);

/** A downloader for one source. `get` returns undefined for 404 and 410, throws TwainError otherwise. */
export function createPoliteFetch(options: PoliteOptions): {
  get(url: string): Promise<Download | undefined>;
} {
  const {
    signal,
    cacheDir,
    maxBytes = 32 << 20,
    maxAgeHours = Infinity,
    instead = "give data.root with a local mirror",
  } = options;
  const agent = `twainbot/${versions().twainbot} (corpus collector; reads robots.txt; one request at a time)`;
  const blocked = privateAddresses();
  const robots = new Map<string, ReturnType<typeof robotsParser>>();
  const lastRequest = new Map<string, number>();

  /** Refuses what could reach inside the user's network: a mirror or a redirect may name any host. */
  async function checkAddress(url: URL): Promise<void> {
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw new TwainError("collect/bad-url", `${url.href}: only http and https are fetched`);
    }
    if (isLoopbackHost(url.hostname) && url.hostname === options.host) return;
    const bare = url.hostname.replace(/^\[|\]$/g, "");
    const found = isIP(bare)
      ? [{ address: bare }]
      : await lookup(bare, { all: true }).catch((cause: unknown) => {
          throw new TwainError("collect/unreachable", `the host ${bare} was not found`, {
            hint: `Check the host's name and the connection, or ${instead}.`,
            cause,
          });
        });
    for (const { address } of found) {
      if (blocked.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")) {
        throw new TwainError(
          "collect/private-address",
          `${url.href} leads to the private address ${address}`,
          { hint: "Only a host on 127.0.0.1 that the recipe names itself may be private." },
        );
      }
    }
  }

  async function pause(url: URL): Promise<void> {
    const own = isLoopbackHost(url.hostname)
      ? options.delaySeconds
      : Math.max(2, options.delaySeconds);
    const asked = robots.get(url.origin)?.getCrawlDelay(agent) ?? 0;
    const wait =
      (lastRequest.get(url.host) ?? -Infinity) + Math.max(own, asked) * 1000 - performance.now();
    if (wait > 0) await sleep(wait, undefined, { signal });
    lastRequest.set(url.host, performance.now());
  }

  async function readBody(response: Response, url: URL): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of response.body ?? []) {
      const bytes = part as Uint8Array;
      size += bytes.length;
      if (size > maxBytes)
        throw new TwainError("collect/too-large", `${url.href} is larger than ${maxBytes} bytes`);
      parts.push(bytes);
    }
    return Buffer.concat(parts);
  }

  /** One request with retries; redirects are followed by hand so that every hop is checked. */
  async function request(
    start: URL,
    judgeRobots: boolean,
  ): Promise<{ status: number; bytes: Uint8Array }> {
    let url = start;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      await checkAddress(url);
      if (judgeRobots) await checkRobots(url);
      const { status, location, bytes } = await attempt(url);
      if (status < 300 || status >= 400 || !location) return { status, bytes };
      url = new URL(location, url);
    }
    throw new TwainError(
      "collect/too-many-redirects",
      `${start.href} redirects more than ${MAX_REDIRECTS} times`,
    );
  }

  async function attempt(
    url: URL,
  ): Promise<{ status: number; location: string | null; bytes: Uint8Array }> {
    for (let n = 1; ; n++) {
      await pause(url);
      let retryAfter: number | undefined;
      let problem: unknown;
      try {
        const response = await options.fetch(url, {
          redirect: "manual",
          headers: { "user-agent": agent },
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        });
        const retry = response.status === 429 || response.status >= 500;
        if (!retry)
          return {
            status: response.status,
            location: response.headers.get("location"),
            bytes: await readBody(response, url),
          };
        await response.body?.cancel();
        retryAfter = Number(response.headers.get("retry-after")) || undefined;
        problem = `status ${response.status}`;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof TwainError) throw error;
        problem = error instanceof Error ? (error.cause ?? error) : error;
      }
      if (n === ATTEMPTS) {
        throw new TwainError(
          "collect/unreachable",
          `${url.href} did not answer after ${ATTEMPTS} attempts: ${String(problem)}`,
          {
            hint: `Try again later, choose another host, or ${instead}.`,
            cause: problem,
          },
        );
      }
      const backOff = Math.max(options.delaySeconds, 0.05) * 2 ** n;
      await sleep(Math.min(retryAfter ?? backOff, 120) * 1000, undefined, { signal });
    }
  }

  async function checkRobots(url: URL): Promise<void> {
    let rules = robots.get(url.origin);
    if (!rules) {
      const at = new URL("/robots.txt", url);
      const { status, bytes } = await request(at, false);
      rules = robotsParser(at.href, status === 200 ? new TextDecoder().decode(bytes) : "");
      robots.set(url.origin, rules);
    }
    if (rules.isAllowed(url.href, agent) === false) {
      throw new TwainError(
        "collect/robots-refused",
        `robots.txt of ${url.host} does not allow ${url.pathname}`,
        { hint: `Use a host that allows robots, or ${instead}.` },
      );
    }
  }

  async function fromCache(body: string, entry: string): Promise<Download | undefined> {
    try {
      const known = CacheEntry.parse(JSON.parse(await readFile(entry, "utf8")));
      const bytes = await readFile(body);
      const fresh = Date.now() - Date.parse(known.fetchedAt) <= maxAgeHours * 3_600_000;
      return fresh && sha256(bytes) === known.sha256
        ? { bytes, fetchedAt: known.fetchedAt }
        : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    async get(address) {
      const body = join(cacheDir, `${sha256(address)}.body`);
      const entry = `${body}.json`;
      const cached = await fromCache(body, entry);
      if (cached) return cached;
      const { status, bytes } = await request(new URL(address), true);
      if (status === 404 || status === 410) return undefined;
      if (status !== 200)
        throw new TwainError("collect/unreachable", `${address} answered with status ${status}`);
      const fetchedAt = new Date().toISOString();
      await writeFileAtomic(body, bytes);
      await writeFileAtomic(
        entry,
        JSON.stringify({ url: address, fetchedAt, sha256: sha256(bytes) }),
      );
      return { bytes, fetchedAt };
    },
  };
}
