/** Headlines: the newest post titles of subreddits, from the public listing that Reddit gives as JSON. */
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { createPoliteFetch } from "./polite-fetch.ts";
import { redditDocument } from "./reddit-document.ts";
import type { Source } from "./source.ts";

const Config = z.strictObject({
  kind: z.literal("reddit-listing"),
  /** Names without `r/`. */
  subreddits: z.array(z.string().regex(/^\w{2,40}$/, "a subreddit's name without r/")).nonempty(),
  /** Pages of 100 posts a subreddit; a listing ends after about ten. */
  pages: z.number().int().min(1).max(10).default(3),
  /** Subreddits whose titles are meant to be funny. */
  humorous: z.array(z.string()).default(["TheOnion"]),
  /** The host; another one must answer the same paths. */
  base: z.url({ protocol: /^https?$/ }).default("https://www.reddit.com"),
  delaySeconds: z.number().nonnegative().default(2),
  /** Pages kept from an earlier run are used for so long. */
  maxAgeHours: z.number().nonnegative().default(24),
});
type Config = z.infer<typeof Config>;

const Listing = z.object({
  kind: z.literal("Listing"),
  data: z.object({
    after: z.string().nullish(),
    children: z.array(z.object({ kind: z.string(), data: z.unknown() })),
  }),
});
type Listing = z.infer<typeof Listing>;

const Post = z.object({
  id: z.string(),
  title: z.string(),
  subreddit: z.string(),
  permalink: z.string().nullish(),
  created_utc: z.number().nullish(),
  num_comments: z.number().nullish(),
  stickied: z.boolean().nullish(),
  over_18: z.boolean().nullish(),
  removed_by_category: z.string().nullish(),
  selftext: z.string().nullish(),
});
type Post = z.infer<typeof Post>;

const MAX_BYTES = 8 << 20;
const GONE = /^\s*\[\s*(?:removed|deleted)\b[^\]]*\]\s*$/i;

/** Throws `collect/bad-listing`. */
function readListing(bytes: Uint8Array, at: string): Listing["data"] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    value = undefined;
  }
  const parsed = Listing.safeParse(value);
  if (parsed.success) return parsed.data.data;
  throw new TwainError(
    "collect/bad-listing",
    `${at} answered ${bytes.length} bytes that are no listing of posts`,
    { hint: "Is the base the address of a host that answers Reddit's listing JSON?" },
  );
}

/** Why a post is left out, or undefined. */
function unwanted(post: Post): string | undefined {
  if (post.stickied) return "stickied";
  if (post.removed_by_category || GONE.test(post.title) || GONE.test(post.selftext ?? ""))
    return "removed";
  return post.over_18 ? "over 18" : undefined;
}

export const redditListing: Source<Config> = {
  kind: "reddit-listing",
  schema: Config,

  async *collect(config, context) {
    const { subreddits, pages } = config;
    if (!context.network) {
      throw new TwainError(
        "collect/network-off",
        `the listings of ${subreddits.length} subreddits would have to be downloaded and the network is off`,
        { hint: "Allow downloads with data.network=true, or use dumps with reddit-csv." },
      );
    }
    const base = config.base.replace(/\/+$/, "");
    const polite = createPoliteFetch({
      ...context,
      delaySeconds: config.delaySeconds,
      maxBytes: MAX_BYTES,
      maxAgeHours: config.maxAgeHours,
      instead: "use dumps with reddit-csv",
    });
    const humorous = new Set(config.humorous.map((name) => name.toLowerCase()));
    const seen = new Set<string>();
    for (const subreddit of subreddits) {
      const cursors = new Set<string>();
      let after = "";
      for (let page = 1; page <= pages; page++) {
        context.signal.throwIfAborted();
        const at = `${base}/r/${subreddit}/new.json?limit=100&after=${encodeURIComponent(after)}`;
        const found = await polite.get(at);
        if (!found) {
          throw new TwainError("collect/missing-feed", `${at} does not exist`, {
            hint: "Check the subreddit's name; private ones have no public listing.",
          });
        }
        const listing = readListing(found.bytes, at);
        for (const [i, { data, kind }] of listing.children.entries()) {
          const parsed = Post.safeParse(data);
          const post = kind === "t3" && parsed.success ? parsed.data : undefined;
          const result = post
            ? (unwanted(post) ??
              redditDocument(
                "reddit-listing",
                {
                  id: post.id,
                  subreddit: post.subreddit,
                  title: post.title,
                  url: post.permalink ? `https://www.reddit.com${post.permalink}` : "",
                  created: post.created_utc ?? 0,
                  comments: post.num_comments ?? 0,
                  fetchedAt: found.fetchedAt,
                },
                humorous,
                seen,
              ))
            : "not a post";
          if (typeof result === "string") yield { type: "bad", reason: result, at: `${at}#${i}` };
          else yield { type: "document", document: result };
        }
        yield { type: "progress", label: `r/${subreddit}`, done: page, total: pages };
        if (!listing.after) break;
        if (cursors.has(listing.after)) {
          yield { type: "bad", reason: "pages go in a circle", at };
          break;
        }
        cursors.add(listing.after);
        after = listing.after;
      }
    }
  },
};
