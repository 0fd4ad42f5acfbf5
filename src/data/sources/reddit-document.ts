/** A post of a subreddit as a document, whichever way it was collected. */
import type { Document } from "../../core/document.ts";
import { sha256 } from "../../core/hash.ts";

export interface RedditPost {
  id: string;
  subreddit: string;
  title: string;
  url: string;
  /** Seconds since 1970; not finite or not positive where unknown. */
  created: number;
  comments: number;
  fetchedAt?: string;
}

const TERMS = "https://www.redditinc.com/policies/user-agreement";

/** The reason of a post that came before: no fault of what it was read from. */
export const REPEATED = "repeated id";

/**
 * A headline document, or why the post gives none. `humorous` has subreddits in lower case; `seen`
 * gathers the ids.
 */
export function redditDocument(
  source: string,
  post: RedditPost,
  humorous: ReadonlySet<string>,
  seen: Set<string>,
): Document | string {
  const { subreddit, title, url, created, comments, fetchedAt } = post;
  if (title.trim() === "") return "no title";
  if (!/^\w+$/.test(subreddit) || !/^\w+$/.test(post.id)) return "no id";
  const id = `reddit:${subreddit}:${post.id}`;
  if (seen.has(id)) return REPEATED;
  seen.add(id);
  const dated = Number.isFinite(created) && created > 0;
  return {
    id,
    kind: "headline",
    text: title,
    source,
    ...(/^https?:\/\//.test(url) && { url }),
    licence: "reddit-user-content (research use; not redistributed)",
    ...(dated && { year: new Date(created * 1000).getUTCFullYear() }),
    sha256: sha256(title),
    ...(fetchedAt && { fetchedAt }),
    synthetic: false,
    extra: {
      subreddit,
      humorous: humorous.has(subreddit.toLowerCase()),
      comments,
      terms: TERMS,
      ...(dated && { created }),
    },
  };
}
