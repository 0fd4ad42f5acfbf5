import { mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256 } from "../../core/hash.ts";
import { createManners } from "./manners.ts";
import { type PoliteFetch, type PoliteOptions, createPoliteFetch } from "./polite-fetch.ts";
import { type Answer, type TestServer, startTestServer } from "./test-server.ts";

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-polite-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const polite = (more: Partial<PoliteOptions> = {}): PoliteFetch =>
  createPoliteFetch({
    cacheDir: folder,
    signal: new AbortController().signal,
    privateHosts: ["127.0.0.1"],
    delaySeconds: 0,
    ...more,
  });

/** Serves one path so, and no robots.txt. */
const serve = (answer: (count: number) => Answer): void => {
  server.answer = (url, count) => (url === "/x" ? answer(count) : { status: 404 });
};
const text = async (fetcher: PoliteFetch): Promise<string> =>
  new TextDecoder().decode((await fetcher.get(`${server.base}/x`))!.bytes);
const asked = (): number => server.requests.filter((url) => url === "/x").length;

describe("who asks, and how often", () => {
  test("the User-Agent names the program and the recipe's contact", async () => {
    serve(() => ({ status: 200, body: "hello" }));
    await polite({ contact: "ada@finch.example" }).get(`${server.base}/x`);
    for (const headers of server.headers)
      expect(headers["user-agent"]).toMatch(/^twainbot\/[\d.]+ \(\+ada@finch\.example; /);
  });

  test("two sources of a run share the pause and robots.txt of a host", async () => {
    serve(() => ({ status: 200, body: "hello" }));
    const manners = createManners();
    const started = performance.now();
    await polite({ manners, delaySeconds: 0.2 }).get(`${server.base}/x`);
    await polite({ manners, delaySeconds: 0.2 }).get(`${server.base}/y`);
    expect(performance.now() - started).toBeGreaterThan(390);
    expect(server.requests).toEqual(["/robots.txt", "/x", "/y"]);
  });

  test("a crawl delay is kept, and one of an hour means no", async () => {
    const robots = (seconds: number): void => {
      server.answer = (url) =>
        url === "/robots.txt"
          ? { status: 200, body: `User-agent: *\nCrawl-delay: ${seconds}` }
          : { status: 200, body: "hello" };
    };
    robots(0.4);
    const started = performance.now();
    expect(await text(polite())).toBe("hello");
    expect(performance.now() - started).toBeGreaterThan(380);
    robots(3600);
    await expect(polite().get(`${server.base}/y`)).rejects.toMatchObject({
      code: "collect/robots-refused",
      message: expect.stringContaining("3600 s") as string,
    });
  });

  test("robots that forbid: nothing else is asked for; rules for twainbot win over those for all", async () => {
    const robots = (body: string): void => {
      server.answer = (url) => ({ status: 200, body: url === "/robots.txt" ? body : "hello" });
    };
    robots("User-agent: *\nDisallow: /");
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/robots-refused" });
    expect(server.requests).toEqual(["/robots.txt"]);
    robots("User-agent: twainbot\nDisallow: /x\n\nUser-agent: *\nAllow: /");
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/robots-refused" });
    robots("User-agent: twainbot\nAllow: /x\n\nUser-agent: *\nDisallow: /");
    expect(await text(polite())).toBe("hello");
  });

  test("while robots.txt cannot be read, nothing is", async () => {
    server.answer = () => ({ status: 503, headers: { "retry-after": "0" } });
    await expect(text(polite())).rejects.toMatchObject({
      code: "collect/unreachable",
      message: expect.stringContaining("robots.txt answered with status 503") as string,
    });
    expect(asked()).toBe(0);
  });

  test("a redirect to what the robots.txt of its host forbids is not followed", async () => {
    const other = await startTestServer();
    try {
      other.answer = (url) => ({
        status: 200,
        body: url === "/robots.txt" ? "User-agent: *\nDisallow: /secret" : "secret",
      });
      serve(() => ({ status: 302, headers: { location: `${other.base}/secret` } }));
      await expect(text(polite())).rejects.toMatchObject({ code: "collect/robots-refused" });
      expect(other.requests).toEqual(["/robots.txt"]);
    } finally {
      await other.close();
    }
  });

  test("Retry-After is honoured in seconds and as a date; too long a pause is not waited for", async () => {
    const after = async (value: () => string): Promise<number> => {
      const started = performance.now();
      await rm(folder, { recursive: true, force: true });
      serve((count) =>
        count % 2 === 1
          ? { status: 503, headers: { "retry-after": value() } }
          : { status: 200, body: "hello" },
      );
      expect(await text(polite())).toBe("hello");
      return performance.now() - started;
    };
    expect(await after(() => "1")).toBeGreaterThan(990);
    // A date has whole seconds: two from now is more than one.
    expect(await after(() => new Date(Date.now() + 2000).toUTCString())).toBeGreaterThan(900);
    serve(() => ({ status: 429, headers: { "retry-after": "86400" } }));
    const before = asked();
    await rm(folder, { recursive: true, force: true });
    await expect(text(polite())).rejects.toMatchObject({
      code: "collect/unreachable",
      message: expect.stringContaining("429") as string,
    });
    expect(asked() - before).toBe(1);
  });
});

describe("the cache", () => {
  test("what is old is asked about by its tag or date, and kept where it is still right", async () => {
    serve(() => ({
      status: 200,
      body: "first",
      headers: { etag: '"one"', "last-modified": "Tue, 03 Mar 2026 08:15:00 GMT" },
    }));
    const fetcher = polite({ maxAgeHours: 0 });
    const first = (await fetcher.get(`${server.base}/x`))!;
    server.answer = (_url, count) =>
      server.headers.at(-1)!["if-none-match"] === '"one"' && count === 2
        ? { status: 304 }
        : { status: 200, body: "second" };
    const kept = (await fetcher.get(`${server.base}/x`))!;
    expect(server.headers.at(-1)).toMatchObject({
      "if-none-match": '"one"',
      "if-modified-since": "Tue, 03 Mar 2026 08:15:00 GMT",
    });
    expect(kept).toEqual(first);
    expect(await text(fetcher)).toBe("second");
    expect(await text(polite())).toBe("second");
    expect(asked()).toBe(3);
  });

  test("a kept file that was changed on disk is fetched whole again", async () => {
    serve(() => ({ status: 200, body: "hello", headers: { etag: '"one"' } }));
    await text(polite());
    const [body] = (await readdir(folder)).filter((name) => name.endsWith(".body"));
    await writeFile(join(folder, body!), "hull");
    expect(await text(polite())).toBe("hello");
    expect(server.headers.at(-1)).not.toHaveProperty("if-none-match");
  });

  test("gzip and brotli are unpacked; unasked packing is refused", async () => {
    const packed = (encoding: string, body: Uint8Array): void =>
      serve(() => ({ status: 200, body, headers: { "content-encoding": encoding } }));
    for (const [encoding, body] of [
      ["gzip", gzipSync("hello")],
      ["BR", brotliCompressSync("hello")],
      ["identity", Buffer.from("hello")],
    ] as const) {
      await rm(folder, { recursive: true, force: true });
      packed(encoding, body);
      expect(await text(polite())).toBe("hello");
    }
    await rm(folder, { recursive: true, force: true });
    packed("zstd", Buffer.from("hello"));
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/content-type" });
  });

  test("nothing half-written stays where a download fails for good", async () => {
    serve(() => ({ status: 200, body: Buffer.alloc(5000), headers: { etag: '"one"' } }));
    await expect(text(polite({ maxBytes: 4000 }))).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("a download that breaks off", () => {
  const bytes = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 251));
  const range = (): string | undefined => server.headers.at(-1)!.range;
  const path = async (fetcher = polite()): Promise<Buffer> =>
    readFile((await fetcher.getFile(`${server.base}/x`, { sha256: sha256(bytes) }))!.path);
  /** Resolves once so many bytes of a download are on disk: however slow the machine, they have come. */
  const untilKept = async (size: number): Promise<void> => {
    for (;;) {
      for (const name of await readdir(folder).catch(() => [])) {
        const file =
          name.endsWith(".part") && (await stat(join(folder, name)).catch(() => undefined));
        if (file && file.size >= size) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  /** Sends `to` bytes and drops the connection. */
  const cut =
    (to: number) =>
    (response: { write(b: Buffer): unknown; destroy(): void }): void => {
      response.write(bytes.subarray(0, to));
      void untilKept(to).then(() => response.destroy());
    };
  const whole = { "content-length": String(bytes.length), etag: '"one"' };
  const rest = (from: number, etag = '"one"'): Answer => ({
    status: 206,
    body: bytes.subarray(from),
    headers: { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`, etag },
  });

  test("goes on where it stopped", async () => {
    serve((count) =>
      count === 1 ? { status: 200, headers: whole, send: cut(20_000) } : rest(20_000),
    );
    expect(await path()).toEqual(bytes);
    expect(range()).toBe("bytes=20000-");
    expect(server.headers.at(-1)!["if-range"]).toBe('"one"');
  });

  test("goes on in the next process, and begins anew where the file is another one", async () => {
    const stop = new AbortController();
    serve(() => ({
      status: 200,
      headers: whole,
      send: (response) => {
        response.write(bytes.subarray(0, 30_000));
        void untilKept(30_000).then(() => stop.abort());
      },
    }));
    await expect(path(polite({ signal: stop.signal }))).rejects.toThrow(/abort/i);
    const left = (await readdir(folder)).filter((name) => name.endsWith(".part"));
    expect(left).toHaveLength(1);
    // As if another process had left it: no process has that number.
    const dead = left[0]!.replace(/\d+\.part$/, "4194999.part");
    await rename(join(folder, left[0]!), join(folder, dead));
    await rename(join(folder, `${left[0]!}.json`), join(folder, `${dead}.json`));
    serve(() => rest(30_000));
    expect(await path()).toEqual(bytes);
    expect(range()).toBe("bytes=30000-");
    expect(await readdir(folder)).toHaveLength(2);

    await rm(folder, { recursive: true, force: true });
    serve((count) =>
      count === 3
        ? { status: 200, headers: { ...whole, etag: '"old"' }, send: cut(10_000) }
        : { status: 200, headers: whole, body: bytes },
    );
    expect(await path()).toEqual(bytes);
  });

  test("a host that answers with other bytes than were asked for is asked from the start", async () => {
    for (const odd of [rest(5), { status: 416 }]) {
      await rm(folder, { recursive: true, force: true });
      const before = asked();
      serve((count) =>
        count === before + 1
          ? { status: 200, headers: whole, send: cut(20_000) }
          : count === before + 2
            ? odd
            : { status: 200, headers: whole, body: bytes },
      );
      expect(await path()).toEqual(bytes);
      expect(range()).toBeUndefined();
    }
  });

  test("without a tag or date it begins anew, and never mixes two versions", async () => {
    serve((count) =>
      count === 1
        ? { status: 200, headers: { "content-length": "50000" }, send: cut(20_000) }
        : { status: 200, body: bytes },
    );
    expect(await path()).toEqual(bytes);
    expect(range()).toBeUndefined();
  });

  test("bytes with another hash than the hub named are refused and not kept", async () => {
    serve(() => ({ status: 200, body: bytes.subarray(1) }));
    await expect(path()).rejects.toMatchObject({ code: "collect/damaged" });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("what no guest has to bear", () => {
  test("a zip bomb is not unpacked", async () => {
    // 200 MB of zeros are 200 kB of gzip, and of brotli less than a kilobyte.
    const zeros = Buffer.alloc(200 << 20);
    for (const [encoding, body] of [
      ["gzip", gzipSync(zeros, { level: 1 })],
      ["br", brotliCompressSync(zeros.subarray(0, 50 << 20), { params: { 1: 1 } })],
    ] as const) {
      expect(body.length).toBeLessThan(2 << 20);
      serve(() => ({ status: 200, body, headers: { "content-encoding": encoding } }));
      const before = process.memoryUsage().rss;
      await expect(text(polite({ maxBytes: 4 << 20 }))).rejects.toMatchObject({
        code: "collect/too-large",
      });
      expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
    }
    expect(asked()).toBe(2);
  });

  test("an endless response ends at the limit of bytes", async () => {
    serve(() => ({
      status: 200,
      send: (response) => {
        const block = Buffer.alloc(64 << 10, 65);
        const more = (): void => {
          while (!response.destroyed && response.write(block));
          if (!response.destroyed) response.once("drain", more);
        };
        more();
      },
    }));
    await expect(text(polite({ maxBytes: 1 << 20 }))).rejects.toMatchObject({
      code: "collect/too-large",
    });
  });

  test("an endless response that drips ends at the limit of time, one that is silent sooner", async () => {
    const timers: NodeJS.Timeout[] = [];
    serve(() => ({
      status: 200,
      send: (response) => void timers.push(setInterval(() => response.write("."), 20)),
    }));
    await expect(text(polite({ totalMs: 800 }))).rejects.toMatchObject({
      code: "collect/unreachable",
      message: expect.stringContaining("not done after") as string,
    });
    timers.forEach(clearInterval);
    serve(() => ({ status: 200, send: (response) => void response.write(".") }));
    await expect(text(polite({ idleMs: 100 }))).rejects.toMatchObject({
      code: "collect/unreachable",
      message: expect.stringContaining("no byte for 0.1 s") as string,
    });
  });

  test("a length that lies is no reason to read on; a shorter body than promised is not kept", async () => {
    serve(() => ({ status: 200, headers: { "content-length": "1000000000" } }));
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/too-large" });
    serve(() => ({
      status: 200,
      headers: { "content-length": "100" },
      send: (response) => response.write("half", () => setTimeout(() => response.destroy(), 20)),
    }));
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/unreachable" });
    expect(await readdir(folder)).toEqual([]);
  });

  test("damaged packing is no text", async () => {
    serve(() => ({ status: 200, body: "hello", headers: { "content-encoding": "gzip" } }));
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/unreachable" });
  });

  test("another content type than the source reads is refused before its bytes are read", async () => {
    serve(() => ({
      status: 200,
      headers: { "content-type": "video/mp4", "content-length": "900000000" },
    }));
    await expect(text(polite({ types: /^text\// }))).rejects.toMatchObject({
      code: "collect/content-type",
      message: expect.stringContaining("video/mp4") as string,
    });
    serve(() => ({ status: 200, body: "hello" }));
    expect(await text(polite({ types: /^text\// }))).toBe("hello");
  });

  test("a redirect to a private address is refused, by number, by name and by way of DNS", async () => {
    for (const location of [
      "http://10.0.0.1/x",
      "http://169.254.169.254/latest/meta-data",
      "http://[::1]/x",
      "http://[::ffff:10.0.0.1]/",
      "http://[64:ff9b::10.0.0.1]/",
      "http://2130706433/",
      "http://0x7f.1/",
      "http://0/",
      "http://localhost/x",
      "http://LOCALHOST/x",
    ]) {
      serve(() => ({ status: 302, headers: { location } }));
      const only = polite({ privateHosts: [new URL(server.base).host] });
      await expect(text(only), location).rejects.toMatchObject({
        code: "collect/private-address",
        hint: expect.stringContaining("data.privateHosts") as string,
      });
    }
  });

  test("a host on a private address is only asked where the recipe names it, by name or with its port", async () => {
    serve(() => ({ status: 200, body: "hello" }));
    const port = new URL(server.base).port;
    await expect(text(polite({ privateHosts: [] }))).rejects.toMatchObject({
      code: "collect/private-address",
    });
    await expect(
      text(polite({ privateHosts: ["127.0.0.1:9", "localhost"] })),
    ).rejects.toMatchObject({ code: "collect/private-address" });
    expect(server.requests).toEqual([]);
    expect(await text(polite({ privateHosts: [`127.0.0.1:${port}`] }))).toBe("hello");
    const byName = polite({ privateHosts: ["localhost"] });
    expect(await byName.get(`http://localhost:${port}/x`)).toBeDefined();
  });

  test("other protocols, passwords in addresses and redirects to nothing are refused", async () => {
    for (const url of ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://a:b@127.0.0.1/x"])
      await expect(polite().get(url), url).rejects.toMatchObject({ code: "collect/bad-url" });
    for (const location of ["file:///etc/passwd", "http://", "http://[::1"]) {
      serve(() => ({ status: 302, headers: { location } }));
      await expect(text(polite()), location).rejects.toMatchObject({ code: "collect/bad-url" });
    }
  });

  test("redirects are counted, and a secret header stays with its host", async () => {
    const other = await startTestServer();
    try {
      other.answer = () => ({ status: 200, body: "hello" });
      serve(() => ({ status: 307, headers: { location: `${other.base}/file` } }));
      const headers = (url: URL): Record<string, string> =>
        url.origin === server.base ? { authorization: "Bearer sekret" } : {};
      expect(await text(polite({ headers }))).toBe("hello");
      expect(server.headers.at(-1)!.authorization).toBe("Bearer sekret");
      for (const seen of other.headers) expect(seen.authorization).toBeUndefined();
    } finally {
      await other.close();
    }
    await rm(folder, { recursive: true, force: true });
    serve(() => ({ status: 302, headers: { location: "/x" } }));
    const before = asked();
    await expect(text(polite())).rejects.toMatchObject({ code: "collect/too-many-redirects" });
    expect(asked() - before).toBe(6);
  });

  test("an abort stops a transfer and a pause at once", async () => {
    const stop = new AbortController();
    serve(() => ({ status: 429, headers: { "retry-after": "60" } }));
    setTimeout(() => stop.abort(), 150);
    const started = performance.now();
    await expect(text(polite({ signal: stop.signal }))).rejects.toThrow(/abort/i);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
});
