import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openBrowser } from "./browser-page.ts";
import { decodeHtml, mainContent, reservationOf } from "./main-content.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type Answer, type TestServer, startTestServer } from "./test-server.ts";
import { web } from "./web.ts";

const SENTENCES = [
  "The captain said that the river had risen in the night and would not be reasoned with.",
  "We tied up below the point and waited for the fog to make up its mind.",
  "Nobody had seen the pilot since supper, and nobody had looked.",
];
const paragraph = (i: number): string =>
  SENTENCES.map((_, k) => SENTENCES[(i + k) % SENTENCES.length]!).join(` On day ${i}, that was. `);
const ARTICLE = Array.from({ length: 5 }, (_, i) => `<p>${paragraph(i)}</p>`).join("\n");

const page = (body = ARTICLE, head = ""): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Fog on the River – The Weather Cock</title>
<meta name="author" content="Ada Finch"><meta property="article:published_time" content="1871-03-05T08:00:00Z">
<link rel="license" href="/licence"><script>document.title = "changed by a script"</script>${head}</head>
<body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/subscribe">Subscribe to our newsletter</a></li></ul></nav>
<div class="cookie-banner">We value your privacy. <button>Accept all</button></div>
<article><h1>Fog on the River</h1>${body}
<figure><img src="fog.jpg"><figcaption>Fog, seen from above</figcaption></figure></article>
<aside class="related"><h3>Related stories</h3><a href="/x">Man Bites Cloud</a></aside>
<footer>© 1871 The Weather Cock. All rights reserved.</footer>
</body></html>`;

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-web-"));
  server = await startTestServer();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const serve = (pages: Record<string, Answer | string>): void => {
  server.answer = (url) => {
    const found = pages[url];
    if (typeof found !== "string") return found ?? { status: 404 };
    return { status: 200, body: found, headers: { "content-type": "text/html; charset=utf-8" } };
  };
};
const collect = (
  paths: string[],
  site: Record<string, unknown> = {},
  context: Record<string, unknown> = {},
): Promise<TestCollection> =>
  testCollect(
    web,
    {
      sites: [{ urls: paths.map((path) => server.base + path), licence: "CC BY 4.0", ...site }],
      delaySeconds: 0,
    },
    { cacheDir: join(folder, "cache"), ...context },
  );

describe("a page", () => {
  test("gives its main text without menus, banners, captions and footers, and what it says of itself", async () => {
    serve({ "/fog": page() });
    const { documents, bad } = await collect(["/fog#middle"], {
      terms: "https://cock.example/terms",
      role: "style",
      persona: "twain",
    });
    expect(bad).toEqual({});
    expect(documents).toHaveLength(1);
    const [document] = documents;
    expect(document).toMatchObject({
      kind: "book",
      source: "web",
      url: `${server.base}/fog`,
      licence: "CC BY 4.0",
      author: "Ada Finch",
      year: 1871,
      extra: {
        role: "style",
        persona: "twain",
        terms: "https://cock.example/terms",
        published: "1871-03-05T08:00:00Z",
        declared_licence: `${server.base}/licence`,
      },
    });
    expect(document!.title).toMatch(/^Fog on the River/);
    expect(document!.id).toMatch(/^web:127\.0\.0\.1:\d+:[\da-f]{16}$/);
    expect(document!.fetchedAt).toMatch(/^\d{4}-/);
    const paragraphs = document!.text.split("\n\n");
    for (let i = 0; i < 5; i++) expect(paragraphs).toContain(paragraph(i));
    expect(document!.text).not.toMatch(/newsletter|privacy|Accept|above|Related|rights reserved/);
    expect(server.headers.at(-1)!["user-agent"]).toContain("+test@twainbot.example");
  });

  test("lines of verse stay lines, lines of the source do not", () => {
    const verse = `<p>The rain it raineth every day<br>Upon the just and unjust fellow,<br/>but more upon the just</p>`;
    const found = mainContent(
      page(`${ARTICLE}${verse}<p>One\n   sentence\tin   three lines.</p>`),
      "https://x.example/",
    );
    if (typeof found === "string") throw new Error(found);
    expect(found.text).toContain(
      "The rain it raineth every day\nUpon the just and unjust fellow,\nbut more upon the just\n\nOne sentence in three lines.",
    );
  });

  test("its encoding is what the bytes say, then the host, then the page", () => {
    const utf8 = Buffer.from("<p>café</p>");
    expect(decodeHtml(utf8, "text/html; charset=iso-8859-1")).toContain("café");
    const cyrillic = Uint8Array.of(0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2);
    expect(decodeHtml(cyrillic, "text/html; charset=windows-1251")).toBe("Привет");
    const meta = Buffer.concat([Buffer.from('<meta charset="windows-1251">'), cyrillic]);
    expect(decodeHtml(meta, "text/html")).toContain("Привет");
    expect(decodeHtml(Uint8Array.of(0x63, 0xe9), "text/html; charset=nonsense")).toBe("cé");
  });

  test("that is reserved against use by programs is left out, whoever says so", async () => {
    const banned = (head: string): string => page(ARTICLE, head);
    serve({
      "/ok": banned('<meta name="robots" content="index, follow">'),
      "/ok2": banned('<meta name="robots" content="noindex">'),
      "/ok3": page(),
      "/ok4": page(),
      "/ok5": page(),
      "/ok6": page(),
      "/ok7": page(),
      "/meta": banned('<META NAME="robots" CONTENT="index, NoAI, noimageai">'),
      "/tdm": banned("<meta content='1' name='tdm-reservation'>"),
      "/header": {
        status: 200,
        body: page(),
        headers: { "content-type": "text/html", "x-robots-tag": "noai" },
      },
    });
    const { documents, bad } = await collect([
      "/ok",
      "/ok2",
      "/ok3",
      "/ok4",
      "/ok5",
      "/ok6",
      "/ok7",
      "/meta",
      "/tdm",
      "/header",
    ]);
    expect(documents).toHaveLength(7);
    expect(bad).toEqual({ "reserved: noai": 2, "reserved: tdm-reservation": 1 });
    for (const [header, word] of [
      ["noindex, nofollow", undefined],
      ["otherbot: noai", undefined],
      ["max-image-preview: none", undefined],
      ["noindex,NOAI", "noai"],
      ["twainbot: noml", "noml"],
      ["none", "none"],
    ] as const)
      expect(reservationOf("", header), header).toBe(word);
  });
});

describe("pages that give nothing", () => {
  const good = Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`/${i}`, page()]));
  const dropped = async (
    path: string,
    answer: Answer | string,
  ): Promise<Record<string, number>> => {
    serve({ ...good, [path]: answer });
    const { documents, bad } = await collect([...Object.keys(good), path]);
    expect(documents).toHaveLength(4);
    return bad;
  };

  test("are counted by reason and stop no other page", async () => {
    const html = { "content-type": "text/html" };
    expect(await dropped("/gone", { status: 410 })).toEqual({ "does not exist": 1 });
    expect(await dropped("/closed", { status: 403 })).toEqual({ "not open to everybody": 1 });
    expect(
      await dropped("/pdf", {
        status: 200,
        body: "%PDF",
        headers: { "content-type": "application/pdf" },
      }),
    ).toEqual({ "not a page": 1 });
    expect(
      await dropped("/large", {
        status: 200,
        body: Buffer.alloc((4 << 20) + 1, 32),
        headers: html,
      }),
    ).toEqual({ "too large": 1 });
    expect(await dropped("/round", { status: 301, headers: { location: "/round" } })).toEqual({
      "too many redirects": 1,
    });
    expect(await dropped("/empty", "<html><body><div id=app></div></body></html>")).toEqual({
      "no main content": 1,
    });
    expect(await dropped("/short", page("<p>Short.</p>"))).toMatchObject({ "little text": 1 });
    expect(await dropped("/0", page())).toEqual({ "repeated address": 1 });
  });

  test("robots that forbid a page cost that page", async () => {
    expect(
      await dropped("/robots.txt", {
        status: 200,
        body: "User-agent: *\nDisallow: /robots.txt",
      }),
    ).toEqual({ "robots.txt forbids it": 1 });
  });

  test("too many of them stop the run, with the reasons", async () => {
    serve({ "/a": page() });
    await expect(collect(["/a", "/b"])).rejects.toMatchObject({
      code: "collect/too-many-bad-pages",
      message: "1 of 2 pages cannot be used (1 does not exist)",
    });
  });

  test("a redirect to a private address stops the run: it is nobody's mistake", async () => {
    serve({ "/a": { status: 302, headers: { location: "http://169.254.169.254/latest" } } });
    await expect(collect(["/a"])).rejects.toMatchObject({ code: "collect/private-address" });
  });

  test("the network is off unless asked, and whoever asks strangers' hosts gives a contact", async () => {
    await expect(collect(["/a"], {}, { network: false })).rejects.toMatchObject({
      code: "collect/network-off",
    });
    await expect(collect(["/a"], {}, { contact: undefined })).rejects.toMatchObject({
      code: "collect/no-contact",
    });
    expect(server.requests).toEqual([]);
    const parse = (site: object): boolean =>
      web.schema.safeParse({ kind: "web", sites: [site] }).success;
    expect(parse({ urls: ["https://x.example/"], licence: "CC0-1.0" })).toBe(true);
    expect(parse({ urls: ["https://x.example/"] })).toBe(false);
    expect(parse({ urls: ["file:///etc/passwd"], licence: "CC0-1.0" })).toBe(false);
  });
});

describe("hostile HTML", () => {
  test.each([
    ["depth", "<div>".repeat(100_000)],
    ["depth under the limit", `${"<div>".repeat(390)}${ARTICLE}`],
    ["many elements", "<p>x".repeat(100_000)],
    ["unclosed tags", "<a <a <a ".repeat(50_000)],
    ["attributes", `<p ${"x=1 ".repeat(100_000)}>${ARTICLE}`],
    ["quotes", `<p title="${"'".repeat(1_000_000)}`],
    ["metas", `<meta name=`.repeat(20_000)],
    ["a table of tables", "<table><tr><td>".repeat(390)],
    ["entities", "&".repeat(500_000)],
  ])("%s neither hangs nor throws", (_, html) => {
    const started = performance.now();
    reservationOf(html, "");
    const found = mainContent(html, "https://x.example/");
    expect(["string", "object"]).toContain(typeof found);
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  test("any pieces of a page give text or a reason", () => {
    const piece = fc.constantFrom(
      "<p>",
      "</p>",
      "<div>",
      "</div>",
      "<table>",
      "<td>",
      "<svg>",
      "</svg>",
      "<template>",
      "<!--",
      "-->",
      "<![CDATA[",
      "<script>",
      "</script>",
      "<br>",
      "&lt;",
      '"',
      "<a href=javascript:x>",
      paragraph(1),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const found = mainContent(pieces.join(""), "https://x.example/");
        if (typeof found !== "string") expect(found.text).not.toMatch(/<p>|<script>/);
      }),
      { numRuns: 40 },
    );
  });
});

const executablePath = [process.env["CHROMIUM"], "/usr/bin/chromium"].find(
  (path) => path && existsSync(path),
);
if (!executablePath) console.warn("no chromium: set CHROMIUM to its path to test rendered pages");

describe("a page that scripts write", () => {
  const app = `<!doctype html><html><head><title>Fog</title><script src="/app.js"></script></head><body><div id="app"></div></body></html>`;
  const script = `addEventListener("DOMContentLoaded", async () => {
    const text = await (await fetch("/text")).text();
    document.getElementById("app").innerHTML = "<article>" + text + "</article>";
    for (const url of ["http://169.254.169.254/meta", "/forbidden", "http://localhost:" + location.port + "/private"])
      await fetch(url).catch(() => {});
    try { new WebSocket("ws://127.0.0.1:" + location.port + "/socket"); } catch {}
    new Image().src = "/pixel.gif";
    navigator.sendBeacon?.("/beacon", "x");
  });`;

  test.skipIf(!executablePath)(
    "is read as the browser shows it, and the browser reaches nothing by itself",
    async () => {
      vi.stubEnv("CHROMIUM", executablePath!);
      serve({
        "/app": app,
        "/app.js": { status: 200, body: script, headers: { "content-type": "text/javascript" } },
        "/text": ARTICLE,
        "/robots.txt": { status: 200, body: "User-agent: *\nDisallow: /forbidden" },
      });
      await expect(collect(["/app"])).rejects.toMatchObject({ code: "collect/too-many-bad-pages" });
      const { documents } = await collect(["/app"], { browser: true });
      expect(documents[0]!.text).toContain(paragraph(2));
      expect(new Set(server.requests)).toEqual(
        new Set(["/robots.txt", "/app", "/app.js", "/text"]),
      );
      for (const headers of server.headers) expect(headers["user-agent"]).toMatch(/^twainbot\//);
      // Each of our requests has a connection of its own; a socket of the browser's would be one more.
      expect(server.connections()).toBe(server.requests.length);
    },
  );

  test("without playwright-core or a browser, the error says what to install", async () => {
    const options = {
      signal: new AbortController().signal,
      fetch: () => Promise.resolve(undefined),
    };
    const absent = Object.assign(new Error("Cannot find package 'playwright-core'"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    await expect(
      openBrowser({ ...options, load: () => Promise.reject(absent) }),
    ).rejects.toMatchObject({
      code: "collect/no-browser",
      hint: expect.stringContaining("npm install playwright-core") as string,
    });
    await expect(
      openBrowser({ ...options, executablePath: join(folder, "chromium") }),
    ).rejects.toMatchObject({
      code: "collect/no-browser",
      hint: expect.stringContaining("CHROMIUM") as string,
    });
  });
});
