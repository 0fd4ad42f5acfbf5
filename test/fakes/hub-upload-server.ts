/** A hub on the loopback that takes uploads: repositories, preupload, Git LFS with parts, commits, tags. Large files go to a second host. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { listen } from "./hub-server.ts";

interface Repository {
  private: boolean;
  commit: string;
  /** Paths with what lies there: the bytes, or the hash of a stored object. */
  files: Map<string, { bytes: Buffer } | { oid: string; size: number }>;
  tags: Map<string, string>;
}

export interface UploadHub {
  endpoint: string;
  token: string;
  /** `POST path` of the hub and `PUT path bytes` of storage, in order. */
  requests: string[];
  repositories: Map<string, Repository>;
  /** Objects in storage, by their SHA-256. */
  objects: Map<string, Buffer>;
  /** Whether storage was ever sent the token. */
  leaked: boolean;
  /** Files at least so large are sent to storage; README.md never is. */
  largeFrom: number;
  /** Objects larger than this come in parts of this size. */
  partSize: number;
  /** Bytes that storage takes before the connection breaks, once for each entry. */
  breaks: number[];
  /** Replies of the hub in place of its own, once for each entry. */
  instead: { status: number; headers?: Record<string, string>; body?: string }[];
  /** New repositories are public whatever is asked for. */
  ignoresPrivate: boolean;
  /** The bytes of a file as a reader would get them. */
  read(name: string, path: string): Buffer | undefined;
  close(): Promise<void>;
}

const sha = (kind: "sha1" | "sha256", data: Buffer | string): string =>
  createHash(kind).update(data).digest("hex");

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

type Line =
  | { key: "header"; value: { summary: string; parentCommit?: string } }
  | { key: "file"; value: { path: string; encoding: string; content: string } }
  | { key: "lfsFile"; value: { path: string; algo: string; oid: string; size: number } };

/** Starts a hub that knows one token. */
export async function startUploadHub(token: string): Promise<UploadHub> {
  /** Parts of objects that are not complete: `oid/number` → bytes. */
  const parts = new Map<string, Buffer>();
  let commits = 0;
  const nextCommit = (): string => sha("sha1", `commit ${++commits}`);

  const hub: UploadHub = {
    endpoint: "",
    token,
    requests: [],
    repositories: new Map(),
    objects: new Map(),
    leaked: false,
    largeFrom: 1000,
    partSize: 4000,
    breaks: [],
    instead: [],
    ignoresPrivate: false,
    read(name, path) {
      const file = hub.repositories.get(name)?.files.get(path);
      return file && ("bytes" in file ? file.bytes : hub.objects.get(file.oid));
    },
    close: async () => {
      await Promise.all([main.close(), storage.close()]);
    },
  };

  // /<oid> whole, /<oid>/<number> a part, /<oid>/complete the end of the parts.
  const storage = await listen(async (request, response) => {
    hub.leaked ||= request.headers.authorization !== undefined;
    const [, oid = "", part] = request.url!.split("/");
    const breakAt = request.method === "PUT" ? hub.breaks.shift() : undefined;
    if (breakAt !== undefined) {
      let got = 0;
      for await (const chunk of request) {
        got += (chunk as Buffer).length;
        if (got >= breakAt) break;
      }
      hub.requests.push(`${request.method} ${part ?? "whole"} broke`);
      request.socket.destroy();
      return;
    }
    const body = await bodyOf(request);
    hub.requests.push(`${request.method} ${part ?? "whole"} ${body.length}`);
    const fail = (status: number, text: string): void => {
      response.writeHead(status).end(text);
    };
    // S3 refuses a body of unknown length.
    if (request.method === "PUT" && request.headers["content-length"] === undefined)
      return fail(411, "MissingContentLength");
    if (part === undefined) {
      if (sha("sha256", body) !== oid) return fail(400, "BadDigest");
      hub.objects.set(oid, body);
      response.writeHead(200).end();
    } else if (part === "complete") {
      const list = JSON.parse(body.toString()) as {
        oid: string;
        parts: { partNumber: number; etag: string }[];
      };
      const whole = Buffer.concat(
        list.parts.map(({ partNumber, etag }) => {
          const data = parts.get(`${oid}/${partNumber}`) ?? Buffer.alloc(0);
          return etag === `"${sha("sha1", data)}"` ? data : Buffer.alloc(0);
        }),
      );
      if (list.oid !== oid || sha("sha256", whole) !== oid) return fail(400, "InvalidPart");
      hub.objects.set(oid, whole);
      response.writeHead(200).end("{}");
    } else {
      parts.set(`${oid}/${Number(part)}`, body);
      response.writeHead(200, { etag: `"${sha("sha1", body)}"` }).end();
    }
  });

  const batch = (asked: { objects: { oid: string; size: number }[] }): object => ({
    transfer: "basic",
    objects: asked.objects.map(({ oid, size }) => {
      if (hub.objects.has(oid)) return { oid, size };
      const count = Math.ceil(size / hub.partSize);
      const upload =
        count > 1
          ? {
              href: `${storage.url}/${oid}/complete`,
              header: {
                chunk_size: String(hub.partSize),
                ...Object.fromEntries(
                  Array.from({ length: count }, (_, i) => [
                    String(i + 1).padStart(5, "0"),
                    `${storage.url}/${oid}/${i + 1}`,
                  ]),
                ),
              },
            }
          : { href: `${storage.url}/${oid}` };
      return {
        oid,
        size,
        authenticated: true,
        actions: { upload, verify: { href: `${hub.endpoint}/verify` } },
      };
    }),
  });

  const oidOf = (file: { bytes: Buffer } | { oid: string }): string =>
    "oid" in file
      ? file.oid
      : sha("sha1", Buffer.concat([Buffer.from(`blob ${file.bytes.length}\0`), file.bytes]));

  const commit = (
    name: string,
    repository: Repository,
    lines: Line[],
  ): { status: number; value: object } => {
    for (const line of lines) {
      if (
        line.key === "header" &&
        (line.value.parentCommit ?? repository.commit) !== repository.commit
      )
        return { status: 412, value: { error: "A commit has happened since." } };
      if (line.key === "lfsFile" && hub.objects.get(line.value.oid)?.length !== line.value.size)
        return { status: 400, value: { error: `No object for ${line.value.path}` } };
    }
    for (const line of lines) {
      if (line.key === "file")
        repository.files.set(line.value.path, { bytes: Buffer.from(line.value.content, "base64") });
      if (line.key === "lfsFile")
        repository.files.set(line.value.path, { oid: line.value.oid, size: line.value.size });
    }
    repository.commit = nextCommit();
    return {
      status: 200,
      value: {
        success: true,
        commitOid: repository.commit,
        commitUrl: `${hub.endpoint}/datasets/${name}/commit/${repository.commit}`,
        hookOutput: "",
      },
    };
  };

  const main = await listen(async (request, response) => {
    const body = (await bodyOf(request)).toString();
    const { pathname } = new URL(request.url!, hub.endpoint);
    hub.requests.push(`${request.method} ${pathname}`);
    const reply = (status: number, value: object, headers = {}): void => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(value));
    };
    const instead = hub.instead.shift();
    if (instead) {
      response.writeHead(instead.status, instead.headers).end(instead.body);
      return;
    }
    if (request.headers.authorization !== `Bearer ${hub.token}`)
      return reply(401, { error: "Invalid username or password." });
    if (pathname === "/api/repos/create") {
      const asked = JSON.parse(body) as {
        type: string;
        organization: string;
        name: string;
        visibility?: string;
      };
      const name = `${asked.organization}/${asked.name}`;
      if (asked.organization === "strangers")
        return reply(403, {
          error: 'You don\'t have the rights to create a dataset under "strangers"',
        });
      if (hub.repositories.has(name))
        return reply(409, { error: "You already created this dataset repo" });
      hub.repositories.set(name, {
        private: asked.visibility === "private" && !hub.ignoresPrivate,
        commit: nextCommit(),
        files: new Map(),
        tags: new Map(),
      });
      return reply(200, { url: `${hub.endpoint}/datasets/${name}`, id: "1" });
    }
    if (pathname === "/verify") {
      const { oid, size } = JSON.parse(body) as { oid: string; size: number };
      return hub.objects.get(oid)?.length === size ? reply(200, {}) : reply(404, {});
    }
    const lfs = /^\/datasets\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/batch$/.exec(pathname);
    const call = /^\/api\/datasets\/([^/]+\/[^/]+)\/(revision|preupload|commit|tag)\/([^/]+)$/.exec(
      pathname,
    );
    const repository = hub.repositories.get((lfs ?? call)?.[1] ?? "");
    if (!repository)
      return reply(404, { error: "Repository not found" }, { "x-error-code": "RepoNotFound" });
    if (lfs)
      return reply(200, batch(JSON.parse(body) as { objects: { oid: string; size: number }[] }));
    switch (call![2]) {
      case "revision": {
        const revision = decodeURIComponent(call![3]!);
        const found = revision === "main" ? repository.commit : repository.tags.get(revision);
        return found
          ? reply(200, { id: call![1], sha: found, private: repository.private })
          : reply(404, { error: "Invalid rev id" }, { "x-error-code": "RevisionNotFound" });
      }
      case "preupload": {
        const { files } = JSON.parse(body) as {
          files: { path: string; size: number; sample: string }[];
        };
        return reply(200, {
          files: files.map(({ path, size }) => {
            const there = repository.files.get(path);
            const large = size >= hub.largeFrom && path !== "README.md";
            return {
              path,
              uploadMode: large ? "lfs" : "regular",
              shouldIgnore: false,
              ...(there && { oid: oidOf(there) }),
            };
          }),
        });
      }
      case "commit": {
        const lines = body
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line) as Line);
        const { status, value } = commit(call![1]!, repository, lines);
        return reply(status, value);
      }
      default: {
        const { tag } = JSON.parse(body) as { tag: string };
        if (repository.tags.has(tag)) return reply(409, { error: "Tag reference exists already" });
        repository.tags.set(tag, repository.commit);
        return reply(200, {});
      }
    }
  });
  hub.endpoint = main.url;
  return hub;
}
