/** Headlines: the items of RSS 2.0 and Atom feeds. */
import { z } from "zod";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { sha256 } from "../../core/hash.ts";
import { decodeText } from "./decode-text.ts";
import { type FeedItem, readFeed } from "./feed-items.ts";
import { createPoliteFetch } from "./polite-fetch.ts";
import type { Source } from "./source.ts";

const Feed = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  /** What the publisher allows, in words; it follows every row made from the feed. */
  licence: z.string().trim().min(1),
  /** Where that is written. */
  terms: z.url().optional(),
  /** The licence allows the whole text: excerpts are not cut. */
  open: z.boolean().default(false),
  /** Where an item names no author. */
  author: z.string().optional(),
  /** Whether the headlines are meant to be funny; real news that only sounds so teaches the wrong thing. */
  humorous: z.boolean().default(false),
});
type Feed = z.infer<typeof Feed>;

const Config = z.strictObject({
  kind: z.literal("feed"),
  feeds: z.array(Feed).nonempty(),
  /** Characters kept of an item's text, where the licence is not open; 0 keeps none. */
  excerpt: z.number().int().nonnegative().max(1000).default(280),
  /** Items taken from the head of a feed. */
  maxItems: z.number().int().positive().default(500),
  delaySeconds: z.number().nonnegative().default(2),
  /** A feed kept from an earlier run is used for so long. */
  maxAgeHours: z.number().nonnegative().default(24),
});
type Config = z.infer<typeof Config>;

const MAX_BYTES = 8 << 20;

/** At most `limit` characters, cut between words where there is a space, with an ellipsis. */
export function cutExcerpt(text: string, limit: number): string {
  const points = [...text];
  if (points.length <= limit) return text;
  if (limit < 2) return "";
  const head = points.slice(0, limit - 1).join("");
  const space = /\s/.test(points[limit - 1]!) ? head.length : head.search(/\s\S*$/);
  return `${head.slice(0, space > 0 ? space : undefined).trimEnd()}…`;
}

/** The item's own address, made absolute; undefined for anything but http(s). */
function absolute(link: string | undefined, feed: string): string | undefined {
  if (!link || !URL.canParse(link, feed)) return undefined;
  const url = new URL(link, feed);
  return /^https?:$/.test(url.protocol) ? url.href : undefined;
}

/** A document, or why the item gives none. */
function toDocument(
  item: FeedItem,
  feed: Feed,
  excerptLimit: number,
  fetchedAt: string,
  seen: Set<string>,
): Document | string {
  if (item.title === "") return "no title";
  const id = `feed:${new URL(feed.url).host}:${sha256(item.key).slice(0, 16)}`;
  if (seen.has(id)) return "repeated item";
  seen.add(id);
  const url = absolute(item.link, feed.url);
  const author = item.author ?? feed.author;
  const excerpt = feed.open
    ? item.content || item.summary
    : cutExcerpt(item.summary || item.content, excerptLimit);
  return {
    id,
    kind: "headline",
    text: item.title,
    source: "feed",
    ...(url && { url }),
    licence: feed.licence,
    ...(author && { author }),
    ...(item.published && { year: Number(item.published.slice(0, 4)) }),
    sha256: sha256(item.title),
    fetchedAt,
    synthetic: false,
    extra: {
      feed: feed.url,
      ...(feed.terms && { terms: feed.terms }),
      humorous: feed.humorous,
      ...(excerpt && { excerpt }),
      ...(item.published && { published: item.published }),
    },
  };
}

export const feed: Source<Config> = {
  kind: "feed",
  schema: Config,

  async *collect(config, context) {
    const { feeds } = config;
    if (!context.network) {
      throw new TwainError(
        "collect/network-off",
        `${feeds.length} feeds would have to be downloaded and the network is off`,
        { hint: "Allow downloads with data.network=true." },
      );
    }
    const polite = createPoliteFetch({
      ...context,
      delaySeconds: config.delaySeconds,
      maxBytes: MAX_BYTES,
      maxAgeHours: config.maxAgeHours,
      instead: "leave the feed out of data.sources",
    });
    const seen = new Set<string>();
    for (const [i, each] of feeds.entries()) {
      context.signal.throwIfAborted();
      const found = await polite.get(each.url);
      if (!found) {
        throw new TwainError("collect/missing-feed", `${each.url} does not exist`, {
          hint: "Check the address; feeds move.",
        });
      }
      const items = readFeed(decodeText(found.bytes).text, each.url);
      for (const [n, item] of items.slice(0, config.maxItems).entries()) {
        const result = toDocument(item, each, config.excerpt, found.fetchedAt, seen);
        if (typeof result === "string")
          yield { type: "bad", reason: result, at: `${each.url}#${n + 1}` };
        else yield { type: "document", document: result };
      }
      yield { type: "progress", label: each.url, done: i + 1, total: feeds.length };
    }
  },
};
