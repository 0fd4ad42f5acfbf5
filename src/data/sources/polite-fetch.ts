/**
 * Downloads the way a guest behaves: robots.txt first, one request at a time, a pause between two, and everything kept
 * on disk, so that nothing is asked for twice and what broke off goes on where it stopped.
 */
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../core/atomic-file.ts";
import { TwainError } from "../../core/errors.ts";
import { hashFile, sha256 } from "../../core/hash.ts";
import { type HttpAnswer, TransferBroken, httpGet, userAgent } from "../../core/http-get.ts";
import { header, ownPart, receive, sizeOf, validatorOf } from "./download-part.ts";
import { type Manners, checkRobots, createManners, pause } from "./manners.ts";

export interface PoliteOptions {
  cacheDir: string;
  signal: AbortSignal;
  /** `host` or `host:port`: only these may be on a private address, and may get less of a pause. */
  privateHosts: readonly string[];
  /** Who runs this: an e-mail or web address, part of the User-Agent. */
  contact?: string;
  manners?: Manners;
  /** Pause between two requests to a host; public hosts never get less than 2 s. */
  delaySeconds: number;
  maxBytes?: number;
  /** A kept download that is older is asked about again; by default none is. */
  maxAgeHours?: number;
  /** Of the content type, where the host names one. */
  types?: RegExp;
  /** Statuses beside 200 whose body is an answer. */
  answers?: (status: number) => boolean;
  headers?: (url: URL) => Record<string, string>;
  /** What the user may do where the host does not serve them, as the end of a hint. */
  instead?: string;
  /** Limits in time, for tests. */
  idleMs?: number;
  totalMs?: number;
}

export interface Download {
  /** ISO time of the download, also when it comes from the cache. */
  fetchedAt: string;
  /** Where redirects ended. */
  url: string;
  type: string;
  /** `X-Robots-Tag` and `TDM-Reservation`: what the host says of using the bytes. */
  reservations: string;
}

export interface PoliteFetch {
  /**
   * Undefined for 404 and 410. Throws `collect/unreachable`, `refused`, `content-type`, `too-large`,
   * `robots-refused`, `private-address`, `too-many-redirects`, `bad-url`.
   */
  get(url: string): Promise<(Download & { bytes: Uint8Array }) | undefined>;
  /** The same for files too large for memory; with `sha256`, other bytes are `collect/damaged`. */
  getFile(
    url: string,
    expected?: { sha256?: string },
  ): Promise<(Download & { path: string }) | undefined>;
  /**
   * What a page consists of beside itself, as a browser would ask for it: robots.txt and all limits hold, pause and
   * cache do not. Undefined for any status but 200.
   */
  getPart(url: string): Promise<{ type: string; bytes: Uint8Array } | undefined>;
}

const ATTEMPTS = 4;
const MAX_REDIRECTS = 5;
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

const CacheEntry = z.object({
  fetchedAt: z.string(),
  sha256: z.string(),
  /** When the host last said that the bytes are still right. */
  checkedAt: z.string().optional(),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  url: z.string(),
  type: z.string().default(""),
  reservations: z.string().default(""),
});
type CacheEntry = z.infer<typeof CacheEntry>;

/** A downloader for one source. */
export function createPoliteFetch(options: PoliteOptions): PoliteFetch {
  const {
    signal,
    cacheDir,
    maxBytes = 32 << 20,
    maxAgeHours = Infinity,
    instead = "give data.root with a local mirror",
    manners = createManners(),
    privateHosts,
    types,
  } = options;
  const agent = userAgent(options.contact);
  const limits = {
    signal,
    privateHosts,
    attempts: ATTEMPTS,
    backOffMs: Math.max(options.delaySeconds, 0.05) * 2000,
    retry: (status: number) => PASSING.has(status),
    maxRedirects: MAX_REDIRECTS,
    ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
    ...(options.totalMs !== undefined && { totalMs: options.totalMs }),
  };

  const own = { manners, agent, delaySeconds: options.delaySeconds, limits, instead };

  /** Throws where the answer is nothing that may be kept. */
  function judge(address: string, answer: HttpAnswer): void {
    const { status } = answer;
    if (status === 401 || status === 403 || status === 451)
      throw new TwainError("collect/refused", `${address} answered with status ${status}`, {
        hint: `It is not open to everybody; ${instead}.`,
      });
    if (status !== 200 && status !== 206 && !options.answers?.(status))
      throw new TwainError("collect/unreachable", `${address} answered with status ${status}`, {
        hint: `Try again later, choose another host, or ${instead}.`,
      });
    const type = header(answer, "content-type");
    if (types && type && !types.test(type))
      throw new TwainError(
        "collect/content-type",
        `${address} is ${type.slice(0, 80)}, not what this source reads`,
        { hint: `Check the address, or ${instead}.` },
      );
  }

  async function readEntry(body: string): Promise<CacheEntry | undefined> {
    try {
      const known = CacheEntry.parse(JSON.parse(await readFile(`${body}.json`, "utf8")));
      return (await hashFile(body)).sha256 === known.sha256 ? known : undefined;
    } catch {
      return undefined;
    }
  }

  /** Brings the bytes of an address into the cache; `packed` ones cannot be continued. */
  async function load(
    address: string,
    packed: boolean,
    expected?: string,
  ): Promise<{ body: string; entry: CacheEntry } | undefined> {
    const body = join(cacheDir, `${sha256(address)}.body`);
    const known = await readEntry(body);
    const checked = Date.parse(known?.checkedAt ?? known?.fetchedAt ?? "");
    if (known && Date.now() - checked <= maxAgeHours * 3_600_000) return { body, entry: known };
    const part = await ownPart(body);
    let have = part.validator === undefined || known ? 0 : await sizeOf(part.path);

    const headers = (url: URL): Record<string, string> => ({
      "user-agent": agent,
      "accept-encoding": packed ? "gzip, br" : "identity",
      ...(known?.etag && { "if-none-match": known.etag }),
      ...(known?.lastModified && { "if-modified-since": known.lastModified }),
      ...(have > 0 && { range: `bytes=${have}-`, "if-range": part.validator! }),
      ...options.headers?.(url),
    });
    const discard = async (): Promise<void> => {
      await rm(part.path, { force: true });
      await rm(`${part.path}.json`, { force: true });
      have = 0;
    };

    const got = await httpGet(
      new URL(address),
      {
        ...limits,
        maxBytes,
        headers,
        before: async (url) => {
          await checkRobots(url, own);
          await pause(url, own);
        },
      },
      async (answer): Promise<CacheEntry | undefined> => {
        const { status } = answer;
        const now = new Date().toISOString();
        if (status === 304 && known) return { ...known, checkedAt: now };
        if (status === 404 || status === 410) return undefined;
        if (status === 416 && have > 0) {
          await discard();
          throw new TransferBroken("the host no longer has the bytes that are missing");
        }
        judge(address, answer);
        const start = status === 206 ? have : 0;
        const said = /^bytes (\d+)-/.exec(header(answer, "content-range") ?? "")?.[1];
        if (status === 206 && (have === 0 || Number(said) !== start)) {
          await discard();
          throw new TransferBroken(`bytes from ${start} on were asked for, from ${said} on came`);
        }
        if (start === 0) {
          const validator = validatorOf(answer);
          part.validator = validator;
          if (validator === undefined) await rm(`${part.path}.json`, { force: true });
          else await writeFileAtomic(`${part.path}.json`, validator);
        }
        try {
          await receive(answer, part.path, start);
        } catch (error) {
          have = part.validator === undefined ? 0 : await sizeOf(part.path);
          // Too much is too much, however often it is asked for.
          if (error instanceof TwainError) await discard();
          throw error;
        }
        const size = await sizeOf(part.path);
        if (size > maxBytes) {
          await discard();
          throw new TwainError("collect/too-large", `${address} is larger than ${maxBytes} bytes`);
        }
        const etag = header(answer, "etag");
        const lastModified = header(answer, "last-modified");
        return {
          url: answer.url.href,
          fetchedAt: now,
          sha256: (await hashFile(part.path)).sha256,
          type: header(answer, "content-type") ?? "",
          reservations: [
            header(answer, "x-robots-tag"),
            header(answer, "tdm-reservation") === "1" && "tdm-reservation",
          ]
            .filter(Boolean)
            .join(", "),
          ...(etag && { etag }),
          ...(lastModified && { lastModified }),
        };
      },
    ).catch(async (error: unknown) => {
      // A part that cannot be continued is of no use to anybody.
      if (part.validator === undefined) await discard();
      throw error;
    });
    if (!got) return undefined;
    if (expected !== undefined && got.sha256 !== expected) {
      await discard();
      throw new TwainError(
        "collect/damaged",
        `the bytes of ${address} have the SHA-256 ${got.sha256}, not ${expected}`,
        { hint: "Run it again; if it stays so, something on the way changes the file." },
      );
    }
    if (got.checkedAt === undefined) {
      await rename(part.path, body);
      await discard();
    }
    await writeFileAtomic(`${body}.json`, JSON.stringify(got));
    return { body, entry: got };
  }

  const told = ({ fetchedAt, url, type, reservations }: CacheEntry): Download => ({
    fetchedAt,
    url,
    type,
    reservations,
  });

  return {
    getPart: (url) =>
      httpGet(
        new URL(url),
        {
          ...limits,
          attempts: 1,
          maxBytes,
          headers: () => ({ "user-agent": agent, "accept-encoding": "gzip, br" }),
          before: (each) => checkRobots(each, own),
        },
        async (answer) => {
          if (answer.status !== 200) return undefined;
          const bytes: Uint8Array[] = [];
          for await (const part of answer.body) bytes.push(part);
          return { type: header(answer, "content-type") ?? "", bytes: Buffer.concat(bytes) };
        },
      ),
    async get(url) {
      const found = await load(url, true);
      return found && { ...told(found.entry), bytes: await readFile(found.body) };
    },
    async getFile(url, expected) {
      const found = await load(url, false, expected?.sha256);
      return found && { ...told(found.entry), path: found.body };
    },
  };
}
