/**
 * Requests to a hub with Hugging Face's API: the commit of a revision, the files of a commit, and a file
 * from some byte on. https://huggingface.co/docs/hub/api
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TwainError } from "../core/errors.ts";
import { versions } from "../core/versions.ts";

export interface HubConnection {
  /** Such as `https://huggingface.co`. */
  endpoint: string;
  /** Sent to the endpoint only, never to where it redirects. */
  token?: string | undefined;
  signal: AbortSignal;
  /** Pause before the second attempt; doubles each time. */
  delaySeconds: number;
}

/** A file of a commit. Large files are named by the SHA-256 of their bytes, small ones by git's blob hash. */
export interface HubFile {
  path: string;
  bytes: number;
  hash: { kind: "sha256" | "git-blob"; value: string };
}

const ATTEMPTS = 4;
/** A hub that wants a longer pause is not waited for. */
const MOST_SECONDS = 60;
const ANSWER_MS = 60_000;
const MAX_PAGES = 20;

const Info = z.looseObject({ sha: z.string().regex(/^[0-9a-f]{40}$/) });
const bytes = z.number().int().nonnegative();
const Tree = z.array(
  z.looseObject({
    type: z.string(),
    path: z.string(),
    size: bytes,
    oid: z.string(),
    lfs: z.looseObject({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: bytes }).nullish(),
  }),
);

const DOWNLOAD_HINT =
  "Run the same command again when the network is back: what has come stays. Without a network, give the model as a folder (base.kind=folder).";

/** Status 429. */
export class TooManyRequests extends Error {
  /** Until the hub takes requests again, where it says so. */
  readonly seconds: number | undefined;

  /** `Retry-After` holds seconds or a date (RFC 9110, 10.2.3). */
  constructor(message: string, headers: Headers) {
    super(message);
    const said = headers.get("retry-after")?.trim() ?? "";
    const seconds = /^\d+$/.test(said) ? Number(said) : (Date.parse(said) - Date.now()) / 1000;
    this.seconds = Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : undefined;
  }
}

const later = ({ seconds }: TooManyRequests): string =>
  `The hub takes no more requests for now: run the same command again ${seconds === undefined ? "in some minutes" : `in ${seconds} s`}; what is done stays. With a token in HF_TOKEN it takes more.`;

/**
 * Runs `work` again after what another attempt may mend, and not before the hub takes requests again; a TwainError is
 * not mended. Throws `model/hub-unreachable`.
 */
export async function retrying<T>(
  hub: HubConnection,
  what: string,
  work: () => Promise<T>,
  hint = DOWNLOAD_HINT,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      hub.signal.throwIfAborted();
      if (error instanceof TwainError) throw error;
      const busy = error instanceof TooManyRequests ? error : undefined;
      const pause = Math.max(hub.delaySeconds * 2 ** (attempt - 1), busy?.seconds ?? 0);
      if (attempt === ATTEMPTS || pause > MOST_SECONDS) {
        const cause = error instanceof Error ? (error.cause ?? error) : error;
        throw new TwainError(
          "model/hub-unreachable",
          `${what}: ${attempt} ${attempt === 1 ? "attempt" : "attempts"} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
          { hint: busy ? later(busy) : hint, cause: error },
        );
      }
      await sleep(1000 * pause, undefined, { signal: hub.signal });
    }
  }
}

/** One request; throws a plain Error for what may pass, `model/hub-access` and `model/hub-not-found` for what will not. */
async function request(
  hub: HubConnection,
  path: string,
  name: string,
  options: { signal: AbortSignal; from?: number },
): Promise<Response> {
  const response = await fetch(new URL(path, hub.endpoint), {
    headers: {
      "user-agent": `twainbot/${versions().twainbot}`,
      ...(hub.token && { authorization: `Bearer ${hub.token}` }),
      ...(options.from && { range: `bytes=${options.from}-` }),
    },
    signal: options.signal,
  });
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  const said = response.headers.get("x-error-code") ?? "";
  const message = `${name}: the hub answered ${status}${said && ` (${said})`}`;
  // A hub hides private models, and says 401 for a name that does not exist.
  if (status === 401 || status === 403)
    throw new TwainError("model/hub-access", message, {
      hint: `Check the name; if the model asks for a licence to be accepted, do so on its page and set HF_TOKEN to a token that may read it${hub.token ? " (the present one may not)" : ""}.`,
    });
  if (status === 404)
    throw new TwainError("model/hub-not-found", message, {
      hint: "Check base.name (organisation/model) and base.revision.",
    });
  if (status === 429) throw new TooManyRequests(`status ${status}`, response.headers);
  throw new Error(`status ${status}`);
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new TwainError("model/hub-bad-answer", `${what}: the answer is not what a hub sends`, {
    hint: "Does HF_ENDPOINT name a hub?",
    cause: result.error,
  });
}

async function getJson(
  hub: HubConnection,
  path: string,
  name: string,
): Promise<{ value: unknown; next: string | undefined }> {
  return retrying(hub, name, async () => {
    const signal = AbortSignal.any([hub.signal, AbortSignal.timeout(ANSWER_MS)]);
    const response = await request(hub, path, name, { signal });
    const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get("link") ?? "")?.[1];
    const text = await response.text();
    try {
      return { value: JSON.parse(text) as unknown, next };
    } catch (cause) {
      return parsed(z.never(), cause, name);
    }
  });
}

/** The commit that a branch, tag or commit names. */
export async function commitOf(
  hub: HubConnection,
  name: string,
  revision: string,
): Promise<string> {
  const path = `/api/models/${name}/revision/${encodeURIComponent(revision)}`;
  return parsed(Info, (await getJson(hub, path, name)).value, name).sha;
}

/** The files at the top of a commit. */
export async function filesOf(
  hub: HubConnection,
  name: string,
  commit: string,
): Promise<HubFile[]> {
  const files: HubFile[] = [];
  let path: string | undefined = `/api/models/${name}/tree/${commit}`;
  for (let page = 0; path !== undefined && page < MAX_PAGES; page++) {
    const { value, next } = await getJson(hub, path, name);
    for (const { type, path: file, size, oid, lfs } of parsed(Tree, value, name)) {
      if (type !== "file" || file.includes("/")) continue;
      files.push(
        lfs
          ? { path: file, bytes: lfs.size, hash: { kind: "sha256", value: lfs.oid } }
          : { path: file, bytes: size, hash: { kind: "git-blob", value: oid } },
      );
    }
    // Only the path: a page may not send the token elsewhere.
    const url: URL | undefined = next === undefined ? undefined : new URL(next, hub.endpoint);
    path = url && url.pathname + url.search;
  }
  return files;
}

/** The bytes of a file from byte `from` on; status 206 where the server begins there, 200 where at the start. */
export const openFile = (
  hub: HubConnection,
  name: string,
  commit: string,
  path: string,
  options: { signal: AbortSignal; from: number },
): Promise<Response> =>
  request(hub, `/${name}/resolve/${commit}/${encodeURIComponent(path)}`, name, options);
