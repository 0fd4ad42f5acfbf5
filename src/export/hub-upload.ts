/**
 * What an upload asks of a hub with Hugging Face's API: a repository, how each file is to be sent, storage for large ones
 * (Git LFS's batch API, with the hub's own multipart transfer), a commit, a tag.
 * https://huggingface.co/docs/hub/api, https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
 */
import { z } from "zod";
import { TwainError } from "../core/errors.ts";
import { versions } from "../core/versions.ts";
import { type HubConnection, TooManyRequests, retrying } from "../models/hub-client.ts";

/** A file that is to be there, with the hashes of its bytes. */
export interface LocalFile {
  /** In the repository. */
  path: string;
  content: Blob;
  bytes: number;
  sha256: string;
  /** SHA-1 of git's blob, by which the hub knows small files. */
  gitBlob: string;
}

/** A connection that may write. */
export type HubWriter = HubConnection & { token: string };

const ANSWER_MS = 60_000;
/** Slower than this many bytes in a millisecond, a transfer counts as stuck. */
const SLOWEST = 20;
const MOST_PARTS = 10_000;

const AGAIN =
  "Run the same command again when the network is back: what has arrived is not sent again, and nothing is shown on the hub before all of it is there.";

const bounded = z.string().max(10_000);
const Created = z.looseObject({ url: z.string().optional() });
const Info = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  private: z.boolean(),
});
const Preupload = z.looseObject({
  files: z.array(
    z.looseObject({
      path: z.string(),
      uploadMode: z.enum(["regular", "lfs"]),
      /** Of what lies there now. */
      oid: z.string().nullish(),
    }),
  ),
});
const Action = z.looseObject({
  href: z.url({ protocol: /^https?$/ }).max(10_000),
  header: z.record(z.string(), z.union([bounded, z.number().transform(String)])).optional(),
});
type Action = z.infer<typeof Action>;
const Batch = z.looseObject({
  objects: z.array(
    z.looseObject({
      oid: z.string(),
      actions: z.looseObject({ upload: Action.optional(), verify: Action.optional() }).nullish(),
      error: z.looseObject({ code: z.number().optional(), message: z.string() }).nullish(),
    }),
  ),
});
const Committed = z.looseObject({ commitOid: z.string() });

interface Call {
  method: "GET" | "POST" | "PUT";
  body?: string | Blob;
  headers?: Record<string, string>;
  /** Statuses that are answers and no failures. */
  accept?: readonly number[];
}

/** What the hub says is wrong; bounded, as it is shown. */
async function complaint(response: Response): Promise<string> {
  const text = (await response.text().catch(() => "")).slice(0, 2000);
  const header = response.headers.get("x-error-message") ?? response.headers.get("x-error-code");
  try {
    const { error } = z.looseObject({ error: z.string() }).parse(JSON.parse(text));
    return error;
  } catch {
    return header ?? "";
  }
}

/** One request. Throws a plain Error for what may pass, `export/hub-access` and `export/hub-refused` for what will not. */
async function send(hub: HubWriter, what: string, url: URL, call: Call): Promise<Response> {
  const size = call.body instanceof Blob ? call.body.size : 0;
  const own = url.origin === new URL(hub.endpoint).origin;
  const response = await fetch(url, {
    method: call.method,
    // Where the hub sends large files is no place for the token.
    headers: {
      "user-agent": `twainbot/${versions().twainbot}`,
      ...(own && { authorization: `Bearer ${hub.token}` }),
      ...call.headers,
    },
    ...(call.body !== undefined && { body: call.body }),
    signal: AbortSignal.any([
      hub.signal,
      AbortSignal.timeout(ANSWER_MS + Math.ceil(size / SLOWEST)),
    ]),
  });
  const { status } = response;
  if (response.ok || call.accept?.includes(status)) return response;
  const said = (await complaint(response)).replaceAll(hub.token, "…");
  const message = `${what}: the hub answered ${status}${said && ` (${said})`}`;
  if (own && (status === 401 || status === 403))
    throw new TwainError("export/hub-access", message, {
      hint: "HF_TOKEN must hold a token that may write to this name; make one at the hub under Settings, Access Tokens.",
    });
  if (status === 429) throw new TooManyRequests(message, response.headers);
  if (status >= 500 || status === 408 || !own) throw new Error(message);
  throw new TwainError("export/hub-refused", message, {
    hint: "The hub says why; nothing has been published.",
  });
}

const ask = (hub: HubWriter, what: string, url: URL, call: Call): Promise<Response> =>
  retrying(hub, what, () => send(hub, what, url, call), AGAIN);

async function answer<T>(schema: z.ZodType<T>, response: Response, what: string): Promise<T> {
  try {
    return schema.parse(JSON.parse(await response.text()));
  } catch (cause) {
    throw new TwainError("export/hub-bad-answer", `${what}: the answer is not what a hub sends`, {
      hint: "Does HF_ENDPOINT name a hub?",
      cause,
    });
  }
}

const json = (value: unknown): Pick<Call, "body" | "headers"> => ({
  body: JSON.stringify(value),
  headers: { "content-type": "application/json" },
});

const api = (hub: HubWriter, path: string): URL => new URL(`/api/${path}`, hub.endpoint);

/** Makes the repository; false where it was there already. */
export async function createDataset(
  hub: HubWriter,
  name: string,
  visibility: "private" | "public",
): Promise<boolean> {
  const [organization, repository] = name.split("/");
  const response = await ask(hub, name, api(hub, "repos/create"), {
    method: "POST",
    ...json({ type: "dataset", organization, name: repository, visibility }),
    accept: [409],
  });
  if (response.status === 409) {
    await response.body?.cancel();
    return false;
  }
  await answer(Created, response, name);
  return true;
}

export interface RevisionInfo {
  commit: string;
  private: boolean;
}

/** A branch or tag of the repository; undefined where there is none of that name. */
export async function revisionOf(
  hub: HubWriter,
  name: string,
  revision: string,
): Promise<RevisionInfo | undefined> {
  const url = api(hub, `datasets/${name}/revision/${encodeURIComponent(revision)}`);
  const response = await ask(hub, name, url, { method: "GET", accept: [404] });
  if (response.status === 404) {
    await response.body?.cancel();
    return undefined;
  }
  const info = await answer(Info, response, name);
  return { commit: info.sha, private: info.private };
}

/** How each file is to be sent; those that lie there with the same bytes are left out. */
export async function filesToSend(
  hub: HubWriter,
  name: string,
  files: readonly LocalFile[],
): Promise<{ file: LocalFile; large: boolean }[]> {
  const samples = await Promise.all(
    files.map(async ({ path, bytes, content }) => ({
      path,
      size: bytes,
      sample: Buffer.from(await content.slice(0, 512).arrayBuffer()).toString("base64"),
    })),
  );
  const url = api(hub, `datasets/${name}/preupload/main`);
  const response = await ask(hub, name, url, { method: "POST", ...json({ files: samples }) });
  const modes = (await answer(Preupload, response, name)).files;
  return files.flatMap((file) => {
    const mode = modes.find(({ path }) => path === file.path);
    if (!mode)
      throw new TwainError("export/hub-bad-answer", `${name}: no word on how to send ${file.path}`);
    // Storage takes no empty objects.
    const large = mode.uploadMode === "lfs" && file.bytes > 0;
    return mode.oid === (large ? file.sha256 : file.gitBlob) ? [] : [{ file, large }];
  });
}

/** Only what storage asks for: the parts and their size are said in the same record. */
const actionHeaders = ({ header }: Action): Record<string, string> =>
  Object.fromEntries(
    Object.entries(header ?? {}).filter(([key]) => key !== "chunk_size" && !/^\d+$/.test(key)),
  );

async function sendParts(
  hub: HubWriter,
  what: string,
  file: LocalFile,
  upload: Action,
): Promise<void> {
  const header = upload.header ?? {};
  const size = Number(header["chunk_size"]);
  const count = Math.ceil(file.bytes / size);
  const urls = Object.entries(header)
    .filter(([key]) => /^\d+$/.test(key))
    .toSorted(([a], [b]) => Number(a) - Number(b))
    .map(([, url]) => url);
  if (!(size > 0) || urls.length !== count || count > MOST_PARTS)
    throw new TwainError(
      "export/hub-bad-answer",
      `${what}: ${urls.length} parts of ${header["chunk_size"]} bytes for ${file.bytes} bytes`,
    );
  const parts: { partNumber: number; etag: string }[] = [];
  for (const [i, url] of urls.entries()) {
    const body = file.content.slice(i * size, (i + 1) * size);
    const response = await ask(hub, what, new URL(url), { method: "PUT", body });
    const etag = response.headers.get("etag");
    await response.body?.cancel();
    if (!etag)
      throw new TwainError("export/hub-bad-answer", `${what}: storage gave part ${i + 1} no ETag`);
    parts.push({ partNumber: i + 1, etag });
  }
  const done = await ask(hub, what, new URL(upload.href), {
    method: "POST",
    body: JSON.stringify({ oid: file.sha256, parts }),
    headers: LFS,
  });
  await done.body?.cancel();
}

const LFS = {
  accept: "application/vnd.git-lfs+json",
  "content-type": "application/vnd.git-lfs+json",
};

/** Puts a large file into the hub's storage, unless an object of its hash is there. True where it was sent. */
export async function storeLarge(hub: HubWriter, name: string, file: LocalFile): Promise<boolean> {
  const what = `${name}/${file.path}`;
  const url = new URL(`/datasets/${name}.git/info/lfs/objects/batch`, hub.endpoint);
  const response = await ask(hub, what, url, {
    method: "POST",
    body: JSON.stringify({
      operation: "upload",
      transfers: ["basic", "multipart"],
      hash_algo: "sha256",
      ref: { name: "main" },
      objects: [{ oid: file.sha256, size: file.bytes }],
    }),
    headers: LFS,
  });
  const object = (await answer(Batch, response, what)).objects.find(
    ({ oid }) => oid === file.sha256,
  );
  if (!object || object.error)
    throw new TwainError(
      "export/hub-refused",
      `${what}: the hub's storage ${object?.error ? `says ${object.error.message.slice(0, 500)}` : "does not answer for it"}`,
      { hint: "The hub says why; nothing has been published." },
    );
  const { upload, verify } = object.actions ?? {};
  if (upload) {
    if (upload.header?.["chunk_size"] !== undefined) await sendParts(hub, what, file, upload);
    else {
      const headers = actionHeaders(upload);
      const put = await ask(hub, what, new URL(upload.href), {
        method: "PUT",
        body: file.content,
        headers,
      });
      await put.body?.cancel();
    }
  }
  if (!upload || !verify) return upload !== undefined;
  const verified = await ask(hub, what, new URL(verify.href), {
    method: "POST",
    body: JSON.stringify({ oid: file.sha256, size: file.bytes }),
    headers: { ...LFS, ...actionHeaders(verify) },
  });
  await verified.body?.cancel();
  return true;
}

/** Makes the files one commit on top of `parent`; its hash. Throws `export/hub-refused` where another came between. */
export async function commitFiles(
  hub: HubWriter,
  name: string,
  files: readonly { file: LocalFile; large: boolean }[],
  options: { summary: string; parent: string },
): Promise<string> {
  const lines: unknown[] = [
    {
      key: "header",
      value: { summary: options.summary, description: "", parentCommit: options.parent },
    },
  ];
  for (const { file, large } of files) {
    const { path, sha256: oid, bytes: size } = file;
    if (large) lines.push({ key: "lfsFile", value: { path, algo: "sha256", oid, size } });
    else {
      const content = Buffer.from(await file.content.arrayBuffer()).toString("base64");
      lines.push({ key: "file", value: { path, encoding: "base64", content } });
    }
  }
  const response = await ask(hub, name, api(hub, `datasets/${name}/commit/main`), {
    method: "POST",
    body: lines.map((line) => JSON.stringify(line)).join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  return (await answer(Committed, response, name)).commitOid;
}

/** Tags the newest commit. */
export async function tagCommit(hub: HubWriter, name: string, tag: string): Promise<void> {
  const url = api(hub, `datasets/${name}/tag/main`);
  const response = await ask(hub, name, url, { method: "POST", ...json({ tag }) });
  await response.body?.cancel();
}
