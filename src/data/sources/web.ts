/** The main text of web pages that the recipe names. No link is followed. */
import { z } from "zod";
import { Persona } from "../../core/conversation.ts";
import { type Document, DocumentKind } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { sha256 } from "../../core/hash.ts";
import { type PageBrowser, openBrowser } from "./browser-page.ts";
import { type MainContent, decodeHtml, mainContent, reservationOf } from "./main-content.ts";
import { createPoliteFetch } from "./polite-fetch.ts";
import type { Source } from "./source.ts";

const Site = z.strictObject({
  urls: z.array(z.url({ protocol: /^https?$/ })).nonempty(),
  /** What the publisher allows, in words; it follows every row made from the pages. */
  licence: z.string().trim().min(1),
  /** Where that is written. */
  terms: z.url().optional(),
  /** What each text is; a book is cut into passages. */
  kind: DocumentKind.default("book"),
  /** Where a page names no author. */
  author: z.string().min(1).optional(),
  /** `style` teaches a voice; `neutral` is plain prose for a base model and the style classifier. */
  role: z.enum(["style", "neutral"]).optional(),
  persona: Persona.optional(),
  /** Let a browser run the page's scripts first; needs playwright-core and a Chromium. */
  browser: z.boolean().default(false),
});
type Site = z.infer<typeof Site>;

const Config = z.strictObject({
  kind: z.literal("web"),
  sites: z.array(Site).nonempty(),
  /** A page with less main text gives no document. */
  minCharacters: z.number().int().positive().default(250),
  delaySeconds: z.number().nonnegative().default(2),
  maxAgeHours: z
    .number()
    .nonnegative()
    .default(24 * 7),
});
type Config = z.infer<typeof Config>;

const MAX_BYTES = 4 << 20;
const HTML = /^\s*(?:text\/html|application\/xhtml\+xml)\b/i;
const MAX_BAD = 0.3;

/** What one page may do without stopping the others. */
const DROPPED: Partial<Record<string, string>> = {
  "collect/robots-refused": "robots.txt forbids it",
  "collect/refused": "not open to everybody",
  "collect/content-type": "not a page",
  "collect/too-large": "too large",
  "collect/too-many-redirects": "too many redirects",
  "collect/unreachable": "does not answer",
};

function toDocument(
  site: Site,
  url: string,
  page: MainContent,
  html: string,
  fetchedAt: string,
): Document {
  const author = page.author ?? site.author;
  return {
    id: `web:${new URL(url).host}:${sha256(url).slice(0, 16)}`,
    kind: site.kind,
    text: page.text,
    source: "web",
    url,
    licence: site.licence,
    ...(author && { author }),
    ...(page.title && { title: page.title }),
    ...(page.published && { year: Number(page.published.slice(0, 4)) }),
    sha256: sha256(html),
    fetchedAt,
    synthetic: false,
    extra: {
      ...(site.role && { role: site.role }),
      ...(site.persona && { persona: site.persona }),
      ...(site.terms && { terms: site.terms }),
      ...(page.published && { published: page.published }),
      ...(page.declaredLicence && { declared_licence: page.declaredLicence }),
    },
  };
}

export const web: Source<Config> = {
  kind: "web",
  schema: Config,

  async *collect(config, context) {
    const { signal, contact } = context;
    const pages = config.sites.flatMap((site) =>
      site.urls.map((url) => ({ site, url: url.replace(/#.*$/, "") })),
    );
    if (!context.network)
      throw new TwainError(
        "collect/network-off",
        `${pages.length} pages would have to be downloaded and the network is off`,
        { hint: "Allow downloads with data.network=true." },
      );
    if (contact === undefined)
      throw new TwainError("collect/no-contact", "the web source needs data.contact", {
        hint: "Give your e-mail or web address, data.contact=you@example.org: it is how a site's owner can reach you.",
      });
    const polite = createPoliteFetch({
      ...context,
      delaySeconds: config.delaySeconds,
      maxBytes: MAX_BYTES,
      maxAgeHours: config.maxAgeHours,
      types: HTML,
      instead: "leave the page out of data.sources",
    });
    let browser: PageBrowser | undefined;
    const shown = async (url: string, type: string, bytes: Uint8Array): Promise<string> => {
      const program = process.env["CHROMIUM"];
      browser ??= await openBrowser({
        signal,
        fetch: (asked) => polite.getPart(asked),
        ...(program && { executablePath: program }),
      });
      return browser.render(url, { type, bytes });
    };

    /** A document, or why the page gives none. */
    const read = async (site: Site, url: string): Promise<Document | string> => {
      const found = await polite.get(url);
      if (!found) return "does not exist";
      const source = decodeHtml(found.bytes, found.type);
      const reserved = reservationOf(source, found.reservations);
      if (reserved !== undefined) return `reserved: ${reserved}`;
      const html = site.browser ? await shown(url, found.type, found.bytes) : source;
      const content = mainContent(html, found.url);
      if (typeof content === "string") return content;
      if (content.text.length < config.minCharacters) return "little text";
      return toDocument(site, url, content, html, found.fetchedAt);
    };

    const silent = new Set<string>();
    const seen = new Set<string>();
    const bad = new Map<string, number>();
    try {
      for (const [i, { site, url }] of pages.entries()) {
        signal.throwIfAborted();
        const { host } = new URL(url);
        let result: Document | string;
        if (seen.has(url)) result = "repeated address";
        else if (silent.has(host)) result = DROPPED["collect/unreachable"]!;
        else
          result = await read(site, url).catch((error: unknown) => {
            const reason = error instanceof TwainError ? DROPPED[error.code] : undefined;
            if (reason === undefined) throw error;
            // A status is an answer, if a bad one; with a cause there was none.
            if (error instanceof TwainError && error.code === "collect/unreachable" && error.cause)
              silent.add(host);
            return reason;
          });
        seen.add(url);
        if (typeof result === "string") {
          bad.set(result, (bad.get(result) ?? 0) + 1);
          yield { type: "bad", reason: result, at: url };
        } else yield { type: "document", document: result };
        yield { type: "progress", label: host, done: i + 1, total: pages.length };
      }
    } finally {
      await browser?.close();
    }
    const lost = [...bad.values()].reduce((sum, count) => sum + count, 0);
    if (lost > pages.length * MAX_BAD) {
      const reasons = [...bad].map(([reason, count]) => `${count} ${reason}`).join(", ");
      throw new TwainError(
        "collect/too-many-bad-pages",
        `${lost} of ${pages.length} pages cannot be used (${reasons})`,
        { hint: "Leave those pages out of data.sources, or mend their addresses." },
      );
    }
  },
};
