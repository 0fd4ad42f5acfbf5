/**
 * One download over HTTP from hosts that are not trusted: every address is checked when the connection is made, every
 * redirect again, and time and bytes are bounded, also what compressed bytes unfold to.
 */
import { type LookupAddress, lookup } from "node:dns";
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type LookupFunction, isIP } from "node:net";
import { Transform, pipeline } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { TwainError } from "./errors.ts";
import { isPrivateAddress } from "./private-address.ts";
import { versions } from "./versions.ts";

export interface HttpGetOptions {
  signal: AbortSignal;
  /** `host` or `host:port`: these may lie on a private address. */
  privateHosts: readonly string[];
  /** Of the body, both as it is sent and unpacked. */
  maxBytes: number;
  /** An attempt in which no byte comes for so long has failed. */
  idleMs?: number;
  /** So has one that takes longer; by default a minute and what `maxBytes` take at 64 KiB a second. */
  totalMs?: number;
  attempts: number;
  /** Pause before the second attempt, doubled each time, where the host names none. */
  backOffMs: number;
  /** Statuses that another attempt may mend. */
  retry: (status: number) => boolean;
  maxRedirects: number;
  /** Asked anew for each request. Secrets belong to one origin: a redirect leads elsewhere. */
  headers?: (url: URL) => Record<string, string>;
  /** Before each request, redirects and further attempts included; may throw. */
  before?: (url: URL) => Promise<void>;
}

export interface HttpAnswer {
  /** Where it came from in the end. */
  url: URL;
  status: number;
  headers: IncomingMessage["headers"];
  /** Unpacked. Throws `collect/too-large`, and `TransferBroken` where the connection does not hold. */
  body: AsyncIterable<Uint8Array>;
}

/** A failure that another attempt may mend. */
export class TransferBroken extends Error {
  override readonly name = "TransferBroken";
}

/** A host that asks for a longer pause than this is not waited for. */
const MAX_WAIT_MS = 300_000;
const IDLE_MS = 60_000;
const REDIRECT = new Set([300, 301, 302, 303, 307, 308]);

/** `contact` is an e-mail address or a web address under which whoever runs this can be reached. */
export const userAgent = (contact?: string): string =>
  `twainbot/${versions().twainbot} (${contact === undefined ? "" : `+${contact}; `}reads robots.txt; one request at a time)`;

export const isPrivateHost = (url: URL, privateHosts: readonly string[]): boolean =>
  privateHosts.includes(url.host) || privateHosts.includes(url.hostname);

const refused = (url: URL, address: string): TwainError =>
  new TwainError(
    "collect/private-address",
    `${url.origin} leads to the private address ${address}`,
    {
      hint: `If that host is yours, name it in data.privateHosts: ["${url.host}"].`,
    },
  );

/** Throws `collect/bad-url` and `collect/private-address`; names are judged when they are resolved. */
function checkUrl(url: URL, allowed: boolean): void {
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new TwainError("collect/bad-url", `${url.href}: only http and https are fetched`);
  if (url.username !== "" || url.password !== "")
    throw new TwainError("collect/bad-url", `${url.origin}: an address may not hold a password`);
  const bare = url.hostname.replaceAll(/^\[|\]$/g, "");
  if (!allowed && isIP(bare) !== 0 && isPrivateAddress(bare)) throw refused(url, bare);
}

/** Resolves and judges in one step: what was judged is what is connected to. */
const guardedLookup =
  (url: URL, allowed: boolean): LookupFunction =>
  (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      const bad = allowed || error ? undefined : found.find((a) => isPrivateAddress(a.address));
      if (error ?? bad) callback(error ?? refused(url, bad!.address), "", 0);
      else if (options.all) callback(null, found);
      else callback(null, found[0]!.address, found[0]!.family);
    });
  };

function unpacker(encoding: string, url: URL): Transform | undefined {
  switch (encoding) {
    case "":
    case "identity":
      return undefined;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      throw new TwainError(
        "collect/content-type",
        `${url.href} is packed as ${encoding.slice(0, 40)}, which was not asked for`,
      );
  }
}

async function* bodyOf(
  response: IncomingMessage,
  url: URL,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  const tooLarge = (): TwainError =>
    new TwainError("collect/too-large", `${url.href} is larger than ${maxBytes} bytes`);
  if (Number(response.headers["content-length"]) > maxBytes) throw tooLarge();
  const unpack = unpacker((response.headers["content-encoding"] ?? "").trim().toLowerCase(), url);
  let sent = 0;
  const meter = new Transform({
    transform(chunk: Buffer, _, done) {
      sent += chunk.length;
      if (sent > maxBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  // Errors reach the reader of the last stream.
  const stream = unpack
    ? pipeline(response, meter, unpack, () => {})
    : pipeline(response, meter, () => {});
  let size = 0;
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > maxBytes) throw tooLarge();
      yield bytes;
    }
  } catch (cause) {
    if (cause instanceof TwainError) throw cause;
    throw new TransferBroken(cause instanceof Error ? cause.message : String(cause), { cause });
  } finally {
    response.destroy();
  }
}

/** Sends one request and hands its answer on; the connection does not outlive `receive`. */
async function once<T>(
  url: URL,
  options: HttpGetOptions,
  receive: (answer: HttpAnswer) => Promise<T>,
): Promise<T> {
  const { signal, privateHosts, maxBytes, idleMs = IDLE_MS } = options;
  const { totalMs = IDLE_MS + maxBytes / 64 } = options;
  const allowed = isPrivateHost(url, privateHosts);
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const client: ClientRequest = send(url, {
    agent: false,
    headers: options.headers?.(url) ?? {},
    lookup: guardedLookup(url, allowed),
    signal,
  });
  let response: IncomingMessage | undefined;
  // The request's own `destroy` would empty the body as if it had ended.
  const fail = (problem: string): void => void (response ?? client).destroy(new Error(problem));
  client.setTimeout(idleMs, () => fail(`no byte for ${idleMs / 1000} s`));
  const timer = setTimeout(() => fail(`not done after ${Math.round(totalMs / 1000)} s`), totalMs);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      client.once("response", resolve);
      // Stays: what happens after the response reaches the body's reader, and must not be unhandled here.
      client.on("error", reject);
      client.end();
    }).catch((cause: unknown) => {
      signal.throwIfAborted();
      if (cause instanceof TwainError) throw cause;
      throw new TransferBroken(cause instanceof Error ? cause.message : String(cause), { cause });
    });
    response = answer;
    const { statusCode = 0, headers } = answer;
    const body = bodyOf(answer, url, maxBytes);
    return await receive({ url, status: statusCode, headers, body });
  } finally {
    clearTimeout(timer);
    client.destroy();
  }
}

/** Milliseconds that `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3). */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

const isUnknownHost = ({ cause }: TransferBroken): boolean =>
  cause instanceof Error && "code" in cause && cause.code === "ENOTFOUND";

type Outcome<T> =
  | { next: "done"; value: T }
  | { next: "redirect"; location: string }
  | { next: "wait"; ms: number };

/**
 * What `receive` makes of the answer. Redirects are followed; statuses that `retry` names come to `receive` only when
 * no attempt is left, or when the host asks for too long a pause. `receive` runs again where it throws TransferBroken.
 * Throws `collect/bad-url`, `private-address`, `too-large`, `too-many-redirects` and, out of attempts, `unreachable`.
 */
export async function httpGet<T>(
  start: URL,
  options: HttpGetOptions,
  receive: (answer: HttpAnswer) => Promise<T>,
): Promise<T> {
  const { signal, attempts, backOffMs, maxRedirects } = options;
  let url = start;
  let hop = 0;
  for (let attempt = 1; ;) {
    signal.throwIfAborted();
    checkUrl(url, isPrivateHost(url, options.privateHosts));
    await options.before?.(url);
    let wait: number;
    try {
      const result = await once(url, options, async (answer): Promise<Outcome<T>> => {
        const { status, headers } = answer;
        if (REDIRECT.has(status) && headers.location !== undefined)
          return { next: "redirect", location: headers.location };
        const ms = retryAfter(headers["retry-after"]) ?? backOffMs * 2 ** (attempt - 1);
        if (options.retry(status) && attempt < attempts && ms <= MAX_WAIT_MS)
          return { next: "wait", ms };
        return { next: "done", value: await receive(answer) };
      });
      if (result.next === "done") return result.value;
      if (result.next === "redirect") {
        if (++hop > maxRedirects)
          throw new TwainError(
            "collect/too-many-redirects",
            `${start.href} redirects more than ${maxRedirects} times`,
          );
        if (!URL.canParse(result.location, url.href))
          throw new TwainError("collect/bad-url", `${url.href} redirects to no address`);
        url = new URL(result.location, url);
        continue;
      }
      wait = result.ms;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransferBroken)) throw error;
      if (attempt >= attempts || isUnknownHost(error))
        throw new TwainError(
          "collect/unreachable",
          isUnknownHost(error)
            ? `the host ${url.hostname} was not found`
            : `${url.href} did not answer after ${attempt} attempts: ${error.message}`,
          { hint: "Check the address and the connection, or try again later.", cause: error },
        );
      wait = backOffMs * 2 ** (attempt - 1);
    }
    attempt++;
    await sleep(wait, undefined, { signal });
  }
}
