import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readFeed } from "./feed-items.ts";
import { cutExcerpt, feed } from "./feed.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type TestServer, startTestServer } from "./test-server.ts";

let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-feed-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Serves a body at /feed.xml, and no robots.txt. */
const serve = (body: string | Uint8Array): void => {
  server.answer = (url) => (url === "/feed.xml" ? { status: 200, body } : { status: 404 });
};

const collect = (
  own: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
  network = true,
): Promise<TestCollection> =>
  testCollect(
    feed,
    {
      feeds: [{ url: `${server.base}/feed.xml`, licence: "headlines only", ...own }],
      delaySeconds: 0,
      ...more,
    },
    { cacheDir: join(folder, "cache"), network },
  );

const RSS = `<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="style.xsl"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel>
  <title>The Weather Cock</title><link>https://cock.example/</link><description>News &amp; wind</description>
  <image><title>Logo</title><url>https://cock.example/logo.png</url></image>
  <item>
    <title><![CDATA[Fog <i>Wins</i> Caf&eacute; Award &#8211; Again]]></title>
    <link>https://cock.example/fog?a=1&amp;b=2</link>
    <guid isPermaLink="false">cock-1</guid>
    <pubDate>Tue, 03 Mar 2026 08:15:00 GMT</pubDate>
    <dc:creator><![CDATA[Ada Finch]]></dc:creator>
    <author>ada@cock.example (Ada Finch)</author>
    <media:title>Not the title</media:title>
    <description>&lt;p&gt;The fog came in &lt;b&gt;early&lt;/b&gt; &amp;amp; stayed.&lt;/p&gt;&lt;script&gt;track()&lt;/script&gt;&lt;p&gt;Nobody minded.&lt;/p&gt;</description>
    <content:encoded><![CDATA[<p>The whole story of the fog.</p><p>It is long, </content:encoded> and more.</p>]]></content:encoded>
  </item>
  <item>
    <title>Rain &amp;amp; Shine, 5 &lt; 6 Say &quot;Experts&quot;</title>
    <guid>https://cock.example/rain</guid>
  </item>
  <item><description>No headline here</description></item>
  <item/>
  <item><title>Fog again</title><guid isPermaLink="false">cock-1</guid></item>
  <item><title>Odd Link</title><link>javascript:alert(1)</link><pubDate>yesterday</pubDate></item>
</channel>
</rss>`;

describe("RSS 2.0", () => {
  test("items as headlines: entities, CDATA, HTML, dates and what is missing", async () => {
    serve(RSS);
    const { documents, bad } = await collect();
    expect(bad).toEqual({ "no title": 2, "repeated item": 1 });
    expect(documents.map(({ text }) => text)).toEqual([
      "Fog Wins Café Award – Again",
      'Rain & Shine, 5 < 6 Say "Experts"',
      "Odd Link",
    ]);
    expect(documents[0]).toMatchObject({
      kind: "headline",
      source: "feed",
      url: "https://cock.example/fog?a=1&b=2",
      licence: "headlines only",
      author: "Ada Finch",
      year: 2026,
      extra: {
        feed: `${server.base}/feed.xml`,
        humorous: false,
        excerpt: "The fog came in early & stayed.\nNobody minded.",
        published: "2026-03-03T08:15:00.000Z",
      },
    });
    expect(documents[0]!.fetchedAt).toMatch(/^\d{4}-/);
    expect(documents[0]!.id).toMatch(/^feed:127\.0\.0\.1:\d+:[\da-f]{16}$/);
    expect(documents[1]!.url).toBe("https://cock.example/rain");
    expect(documents[1]!.extra).not.toHaveProperty("excerpt");
    expect(documents[2]).not.toHaveProperty("url");
    expect(documents[2]).not.toHaveProperty("year");
    expect(JSON.stringify(documents)).not.toMatch(/track\(\)|ada@cock/);
  });

  test("an excerpt is cut unless the licence is open; the recipe's author and tone are used", async () => {
    serve(RSS);
    const cut = (await collect({}, { excerpt: 20 })).documents[0]!.extra.excerpt;
    expect(cut).toBe("The fog came in…");
    expect((await collect({}, { excerpt: 0 })).documents[0]!.extra).not.toHaveProperty("excerpt");
    const open = await collect(
      { open: true, licence: "CC-BY-4.0", humorous: true, author: "Staff" },
      { excerpt: 20, maxItems: 2 },
    );
    expect(open.documents).toHaveLength(2);
    expect(open.documents[0]!.extra.excerpt).toBe(
      "The whole story of the fog.\nIt is long, and more.",
    );
    expect(open.documents[1]).toMatchObject({ author: "Staff", licence: "CC-BY-4.0" });
    expect(open.documents[1]!.extra.humorous).toBe(true);
  });

  test("an excerpt is never longer than its limit and never half a character", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "é", "😀") }),
        fc.nat(30),
        (text, limit) => {
          const cut = cutExcerpt(text, limit);
          expect([...cut].length).toBeLessThanOrEqual(limit);
          expect(cut.isWellFormed()).toBe(true);
          if (cut !== text) expect(text.startsWith(cut.replace(/…$/, ""))).toBe(true);
        },
      ),
    );
    expect(cutExcerpt("one two", 4)).toBe("one…");
    expect(cutExcerpt("one two", 6)).toBe("one…");
  });

  test("bytes decide about the encoding", async () => {
    serve(
      Buffer.from(
        `<rss><channel><item><title>Sm\u00f8rrebr\u00f8d Rains</title></item></channel></rss>`,
        "latin1",
      ),
    );
    expect((await collect()).documents[0]!.text).toBe("Smørrebrød Rains");
  });
});

describe("Atom", () => {
  test("text, html and xhtml, relative links, names of people", async () => {
    serve(`<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://x.example/">
      <title>Barometer</title><id>urn:b</id><updated>2026-01-01T00:00:00Z</updated>
      <entry>
        <title>Use of &lt;b&gt; &amp;amp; other tags</title><id>urn:1</id>
        <link rel="self" href="/self"/><link rel="alternate" href="/one?x=1&amp;y=2"/>
        <author><name>Ben &amp; Co</name><email>ben@x.example</email></author>
        <updated>2025-12-31T23:30:00-05:00</updated>
        <summary type="html">&lt;p&gt;Caf&amp;eacute;&lt;/p&gt;</summary>
      </entry>
      <entry>
        <title type="html">&lt;em&gt;Storm&lt;/em&gt; Retires</title><id>urn:2</id><link href="two"/>
        <published>2024-06-01T00:00:00Z</published><updated>2026-06-01T00:00:00Z</updated>
        <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One <b>two</b></p><p>1 &lt; 2<![CDATA[ <i>]]></p></div></content>
      </entry>
      <entry><title type="xhtml"><div>Wind <i>Quits</i></div></title><id>urn:3</id><content type="image/png">aGVsbG8=</content></entry>
      <entry><id>urn:4</id></entry>
    </feed>`);
    const { documents, bad } = await collect();
    expect(bad).toEqual({ "no title": 1 });
    expect(documents.map(({ text }) => text)).toEqual([
      "Use of <b> &amp; other tags",
      "Storm Retires",
      "Wind Quits",
    ]);
    expect(documents[0]).toMatchObject({
      url: `${server.base}/one?x=1&y=2`,
      author: "Ben & Co",
      year: 2026,
      extra: { excerpt: "Café" },
    });
    expect(documents[1]).toMatchObject({ url: `${server.base}/two`, year: 2024 });
    expect(documents[1]!.extra.excerpt).toBe("One two\n1 < 2 <i>");
    expect(documents[2]!.extra).not.toHaveProperty("excerpt");
  });
});

describe("what is no feed", () => {
  const laughs = `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from(
    { length: 9 },
    (_, i) => `<!ENTITY lol${i + 1} "${`&lol${i || ""};`.repeat(10)}">`,
  ).join("")}]><rss><channel><item><title>&lol9;</title></item></channel></rss>`;

  test.each([
    [
      "a tag that never closes",
      "<rss><channel><item><title>x</item></channel></rss>",
      /1:30|line|closing/i,
    ],
    ["half a feed", RSS.slice(0, 900), /./],
    ["a page", "<!DOCTYPE html><html><body><p>Sign in<br></body></html>", /./],
    ["another document", "<catalog><book/></catalog>", /neither/],
    ["nothing", "", /./],
    ["words", "Service unavailable", /./],
    ["entities that multiply", laughs, /declares entities/],
    [
      "an entity that reads a file",
      `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><title>&x;</title></item></channel></rss>`,
      /declares entities/,
    ],
    ["depth", `${"<a>".repeat(60)}${"</a>".repeat(60)}`, /nested/i],
    ["a name that means something to objects", "<rss><channel><__proto__/></channel></rss>", /./],
  ])("%s is refused with its address", async (_, body, why) => {
    serve(body);
    const started = performance.now();
    await expect(collect()).rejects.toMatchObject({
      code: "collect/bad-feed",
      message: expect.stringMatching(
        new RegExp(`^http://127\\.0\\.0\\.1:\\d+/feed\\.xml is no .*(?:${why.source})`, why.flags),
      ) as string,
    });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  test("entities that slip past the check are not expanded either", () => {
    // A comment that looks like an open CDATA section hides the declarations from a simple search.
    const hidden = laughs
      .replace(/^<\?xml.*?\?>/, "<!-- <![CDATA[ -->")
      .replace("<item>", "<item><dc:creator>&lol; &amp;lt;</dc:creator>");
    const [found] = readFeed(hidden, "test");
    expect(found!.author).toBe("&lol; &lt;");
    expect(found!.title).toBe("&lol9;");
  });

  test("talking about entities inside CDATA is fine", async () => {
    serve(
      `<rss><channel><item><title>Ok</title><description><![CDATA[use <!ENTITY a "b">]]></description></item></channel></rss>`,
    );
    expect((await collect()).documents).toHaveLength(1);
  });

  test("more bytes than a feed has are not read", async () => {
    serve(Buffer.alloc((8 << 20) + 1, 32));
    await expect(collect()).rejects.toMatchObject({ code: "collect/too-large" });
  });

  test("any bytes are a feed or a TwainError", () => {
    const pieces = fc.constantFrom(
      "<rss>",
      "</rss>",
      "<channel>",
      "</channel>",
      "<item>",
      "</item>",
      "<title>",
      "</title>",
      "<feed>",
      "</feed>",
      "<entry>",
      "</entry>",
      "<link href='x'/>",
      "<![CDATA[",
      "]]>",
      "&amp;",
      "&",
      "<",
      ">",
      "x",
      '"',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 25 }), (parts) => {
        try {
          readFeed(parts.join(""), "test");
        } catch (error) {
          expect(error).toMatchObject({ code: "collect/bad-feed" });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("manners", () => {
  test("two feeds of one host: robots.txt once; nothing twice while it is fresh", async () => {
    server.answer = (url) => (url === "/robots.txt" ? { status: 404 } : { status: 200, body: RSS });
    const licence = "headlines only";
    const feeds = ["/a.xml", "/b.xml"].map((path) => ({ url: server.base + path, licence }));
    const { bad } = await collect({}, { feeds });
    // The same items under another address of the same host are the same items.
    expect(bad["repeated item"]).toBe(5);
    expect(server.requests).toEqual(["/robots.txt", "/a.xml", "/b.xml"]);
    await collect({}, { feeds });
    expect(server.requests).toHaveLength(3);
    await collect({}, { feeds, maxAgeHours: 0 });
    expect(server.requests).toHaveLength(6);
  });

  test("429 is waited out", async () => {
    server.answer = (url, count) =>
      url === "/robots.txt"
        ? { status: 404 }
        : count === 1
          ? { status: 429, headers: { "retry-after": "1" } }
          : { status: 200, body: RSS };
    const started = performance.now();
    expect((await collect()).documents).toHaveLength(3);
    expect(performance.now() - started).toBeGreaterThan(900);
    expect(server.requests.filter((url) => url === "/feed.xml")).toHaveLength(2);
  });

  test("robots.txt, a missing feed and the network switch are obeyed", async () => {
    server.answer = (url) =>
      url === "/robots.txt"
        ? { status: 200, body: "User-agent: *\nDisallow: /" }
        : { status: 200, body: RSS };
    await expect(collect()).rejects.toMatchObject({
      code: "collect/robots-refused",
      hint: expect.stringContaining("leave the feed out") as string,
    });
    expect(server.requests).toEqual(["/robots.txt"]);
    server.answer = () => ({ status: 404 });
    await expect(collect()).rejects.toMatchObject({ code: "collect/missing-feed" });
    const before = server.requests.length;
    await expect(collect({}, {}, false)).rejects.toMatchObject({ code: "collect/network-off" });
    expect(server.requests).toHaveLength(before);
  });

  test("a feed needs a licence and an http address", () => {
    const parse = (entry: unknown): boolean =>
      feed.schema.safeParse({ kind: "feed", feeds: [entry] }).success;
    expect(parse({ url: "https://x.example/f", licence: "CC0-1.0" })).toBe(true);
    expect(parse({ url: "https://x.example/f" })).toBe(false);
    expect(parse({ url: "https://x.example/f", licence: " " })).toBe(false);
    expect(parse({ url: "file:///etc/passwd", licence: "CC0-1.0" })).toBe(false);
  });
});
