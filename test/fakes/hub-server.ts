/** A hub on the loopback: the endpoints that we use, with a second host that large files are redirected to. */
import { createHash } from "node:crypto";
import { readFile, readdir, stat } from "node:fs/promises";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface HubServer {
  endpoint: string;
  /** `GET path` of the hub and `CDN path range` of the other host, in order. */
  requests: string[];
  /** Whether every request to the hub carried a token. */
  authorised: boolean;
  /** Whether any request to the other host carried the token. */
  leaked: boolean;
  /** Bytes sent of a large file before the connection breaks, once for each entry. */
  breaks: number[];
  /** Replies of the hub in place of its own, once for each entry. */
  instead: { status: number; headers?: Record<string, string>; body?: string }[];
  /** Files whose first byte is sent wrong, so many times. */
  corrupt: Map<string, number>;
  /** Large files are always sent whole, whatever range is asked for. */
  ignoresRanges: boolean;
  close(): Promise<void>;
}

/** Serves on a free port of this machine until it is closed. */
export const listen = async (
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<{ url: string; close(): Promise<void> }> => {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

/** Serves the files at the top of `folder` as the model `name`, at `main`, `v1` and `COMMIT`. */
export async function startHub(folder: string, name: string): Promise<HubServer> {
  const hub: HubServer = {
    endpoint: "",
    requests: [],
    authorised: true,
    leaked: false,
    breaks: [],
    instead: [],
    corrupt: new Map(),
    ignoresRanges: false,
    close: async () => {
      await Promise.all([main.close(), cdn.close()]);
    },
  };

  const cdn = await listen(async (request, response) => {
    const file = decodeURIComponent(request.url!.slice(1));
    hub.requests.push(`CDN ${file} ${request.headers.range ?? "whole"}`);
    hub.leaked ||= request.headers.authorization !== undefined;
    const data = Buffer.from(await readFile(join(folder, file)));
    const damage = hub.corrupt.get(file) ?? 0;
    if (damage > 0) {
      hub.corrupt.set(file, damage - 1);
      data[0]! ^= 1;
    }
    const asked = hub.ignoresRanges ? undefined : /bytes=(\d+)-/.exec(request.headers.range ?? "");
    const from = asked ? Number(asked[1]) : 0;
    const rest = data.subarray(from);
    response.writeHead(asked ? 206 : 200, {
      "content-length": rest.length,
      ...(asked && { "content-range": `bytes ${from}-${data.length - 1}/${data.length}` }),
    });
    const breakAt = hub.breaks.shift();
    if (breakAt === undefined) response.end(rest);
    else response.write(rest.subarray(0, breakAt), () => setTimeout(() => response.destroy(), 50));
  });

  const listing = async (): Promise<object[]> => {
    const entries: object[] = [{ type: "directory", path: "original", size: 0, oid: "0" }];
    for (const file of (await readdir(folder)).toSorted()) {
      if (!(await stat(join(folder, file))).isFile()) continue;
      const data = await readFile(join(folder, file));
      const oid = createHash("sha1").update(`blob ${data.length}\0`).update(data).digest("hex");
      const lfs = file.endsWith(".safetensors") && {
        lfs: { oid: createHash("sha256").update(data).digest("hex"), size: data.length },
      };
      entries.push({ type: "file", path: file, size: data.length, oid, ...lfs });
    }
    return entries;
  };

  const main = await listen(async (request, response) => {
    hub.requests.push(`GET ${request.url}`);
    hub.authorised &&= request.headers.authorization?.startsWith("Bearer ") ?? false;
    const instead = hub.instead.shift();
    if (instead) {
      response.writeHead(instead.status, instead.headers).end(instead.body);
      return;
    }
    const url = new URL(request.url!, hub.endpoint);
    const json = (value: unknown, headers = {}): void => {
      response.writeHead(200, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(value));
    };
    const api = `/api/models/${name}`;
    const resolve = `/${name}/resolve/${COMMIT}/`;
    if (["main", "v1", COMMIT].some((revision) => url.pathname === `${api}/revision/${revision}`))
      json({ id: name, sha: COMMIT, private: false });
    else if (url.pathname === `${api}/tree/${COMMIT}`) {
      // Pages of three.
      const all = await listing();
      const page = Number(url.searchParams.get("cursor") ?? 0);
      const next = `<${hub.endpoint}${url.pathname}?cursor=${page + 3}>; rel="next"`;
      json(all.slice(page, page + 3), page + 3 < all.length ? { link: next } : {});
    } else if (url.pathname.startsWith(resolve)) {
      const file = decodeURIComponent(url.pathname.slice(resolve.length));
      if (file.endsWith(".safetensors"))
        response.writeHead(302, { location: `${cdn.url}/${encodeURIComponent(file)}` }).end();
      else response.writeHead(200).end(await readFile(join(folder, file)));
    } else
      response
        .writeHead(401, { "x-error-code": "RepoNotFound" })
        .end('{"error":"Invalid username or password."}');
  });
  hub.endpoint = main.url;
  return hub;
}
