/** What a guest asks before each request: may I come in (robots.txt, RFC 9309), and is it too soon? */
import { setTimeout as sleep } from "node:timers/promises";
import robotsModule from "robots-parser";
import { TwainError } from "../../core/errors.ts";
import { type HttpGetOptions, httpGet, isPrivateHost } from "../../core/http-get.ts";

// The package is CommonJS and exports the function itself; its types say otherwise.
const robotsParser = robotsModule as unknown as typeof robotsModule.default;
type Rules = ReturnType<typeof robotsParser>;

/** What is known of the hosts that were asked; shared by the sources of a run. */
export interface Manners {
  robots: Map<string, Rules>;
  lastRequest: Map<string, number>;
}

export const createManners = (): Manners => ({ robots: new Map(), lastRequest: new Map() });

export interface MannersOptions {
  manners: Manners;
  agent: string;
  delaySeconds: number;
  limits: Omit<HttpGetOptions, "maxBytes" | "headers" | "before">;
  instead: string;
}

const NAME = "twainbot";
/** RFC 9309 wants at least 500 KiB to be read. */
const MAX_ROBOTS = 512 << 10;
/** A host that wants a longer pause wants no robots. */
const MAX_CRAWL_DELAY = 120;
/** Seconds; where the user says otherwise of a public host, too. */
const PUBLIC_DELAY = 2;

/** Waits until the host may be asked again. */
export async function pause(url: URL, options: MannersOptions): Promise<void> {
  const { manners, delaySeconds, limits } = options;
  const own = isPrivateHost(url, limits.privateHosts)
    ? delaySeconds
    : Math.max(PUBLIC_DELAY, delaySeconds);
  const asked = manners.robots.get(url.origin)?.getCrawlDelay(NAME) ?? 0;
  const since = performance.now() - (manners.lastRequest.get(url.host) ?? -Infinity);
  const wait = Math.max(own, asked) * 1000 - since;
  if (wait > 0) await sleep(wait, undefined, { signal: limits.signal });
  manners.lastRequest.set(url.host, performance.now());
}

async function readRobots(origin: string, options: MannersOptions): Promise<Rules> {
  const { agent, limits, instead } = options;
  const at = new URL("/robots.txt", origin);
  const text = await httpGet(
    at,
    {
      ...limits,
      maxBytes: MAX_ROBOTS,
      before: (url) => pause(url, options),
      headers: () => ({ "user-agent": agent, "accept-encoding": "gzip" }),
    },
    async ({ status, body }) => {
      // Without a file all are welcome; while it cannot be read, none are (RFC 9309 §2.3.1).
      if (limits.retry(status) || status >= 500)
        throw new TwainError("collect/unreachable", `${at.href} answered with status ${status}`, {
          hint: `Try again later, choose another host, or ${instead}.`,
        });
      if (status !== 200) return "";
      const parts: Uint8Array[] = [];
      for await (const part of body) parts.push(part);
      return new TextDecoder().decode(Buffer.concat(parts));
    },
  );
  return robotsParser(at.href, text);
}

/** Throws `collect/robots-refused` where the host does not want this address to be read. */
export async function checkRobots(url: URL, options: MannersOptions): Promise<void> {
  const { manners, instead } = options;
  let rules = manners.robots.get(url.origin);
  if (!rules) {
    rules = await readRobots(url.origin, options);
    manners.robots.set(url.origin, rules);
  }
  const asked = rules.getCrawlDelay(NAME) ?? 0;
  if (rules.isAllowed(url.href, NAME) !== false && asked <= MAX_CRAWL_DELAY) return;
  throw new TwainError(
    "collect/robots-refused",
    asked > MAX_CRAWL_DELAY
      ? `robots.txt of ${url.host} asks for ${asked} s between two requests`
      : `robots.txt of ${url.host} does not allow ${url.pathname}`,
    { hint: `Use a host that allows robots, or ${instead}.` },
  );
}
