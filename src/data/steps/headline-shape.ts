/** Post titles that are headlines, told from posts of the readers: questions, remarks, talk about the forum. */
import type { Document } from "../../core/document.ts";
import { drop, eachDocument, keep } from "../pipeline.ts";

const FORUM =
  /\b(?:r\/\w+|u\/\w+|x-?post(?:ed)?|cross-?post|sub-?reddits?|this sub|redditors?|upvotes?|op here|not ?the ?onion|the ?onion|onion (?:article|video|headline|social|inc|store|union|talks?)|atheist onion|clickhole|babylon bee|tl;?dr|nsfw|title ?gore)\b/i;
const LINK = /https?:|www\.|\b\w+\.(?:com|org|net)\b/i;
const READER =
  /^(?:i|i'm|i've|my|we|this|that|these|those|it|its|it's|he|she|they|well|oh|um|uh|wow|lol|wtf|omg|hmm+|so|just|just when|only in|when|not sure|thought|looks? like|welp|yes|no|ok|okay|seriously|literally|found|saw|til|lpt|psa|eli5|help|looking for|can someone|does anyone|anyone|what's|why is|i think|sorry|thanks|thank you|here's|you can't|can't|couldn't|hey)\b/i;
/** Titles of columns: the same words every week, and the joke, if any, is in the text below them. */
const SERIES = new RegExp(
  [
    String.raw`^(?:quiz|clickventure|poll|live|watch|slideshow|gallery|they said what\W*|american voices|onion fact checks?)\s*(?::|[–—-]\s)`,
    String.raw`^(?:your horoscopes?\b|horoscopes?\s*[:–—-])`,
    String.raw`^the week in pictures\b`,
    String.raw`\bsaid what\s*\?\s*!`,
    String.raw`^find out what\b.*\b(?:have|has) to say\b`,
    String.raw`\b\d+ questions (?:with|for)\b`,
    String.raw`^(?:everything|what) (?:you (?:need|have) )?to know about\b`,
    String.raw`^(?:the )?(?:top )?\d+ things (?:you need )?to (?:know|watch)\b`,
    String.raw`^(?:a )?timeline of\b`,
    String.raw`^(?:the )?pros and cons of\b`,
    String.raw`^tips (?:for|on|to)\b`,
    String.raw`^top \d+\b`,
  ].join("|"),
  "i",
);

/** Share of words of four letters and more that begin with a capital. */
function titleCase(text: string): number {
  const words = text.match(/\p{L}[\p{L}'-]{3,}/gu) ?? [];
  return words.length === 0
    ? 0
    : words.filter((word) => /^\p{Lu}/u.test(word)).length / words.length;
}

/** Why a title is no headline, or undefined. */
export function headlineProblem(text: string): string | undefined {
  if (LINK.test(text)) return "link";
  if (FORUM.test(text)) return "about the forum";
  if (SERIES.test(text)) return "series";
  if (
    /\?["')]*$/.test(text) &&
    (/\b(?:you|your|i|my|we|our|us|anyone|this|that|it)\b/i.test(text) || titleCase(text) < 0.5)
  )
    return "question";
  if (
    /\?.*\?/.test(text) ||
    /!{2,}/.test(text) ||
    /\.\.\.?$/.test(text) ||
    /[\u{1F300}-\u{1FAFF}]/u.test(text)
  )
    return "remark";
  // A headline of The Onion may open with "I": in title case, it is one.
  if (READER.test(text) && titleCase(text) < 0.6) return "remark";
  if (/^\p{Ll}/u.test(text)) return "lower case";
  return undefined;
}

/**
 * The papers that a humorous subreddit links to print headlines in title case; what stands there in sentence case is real
 * news, a remark or an advertisement. Feeds and files may hold humorous headlines of other papers.
 */
const isPost = ({ extra }: Document): boolean =>
  extra.humorous === true && extra.subreddit !== undefined;

export const headlineShapeStep = eachDocument("headline-shape", (document) => {
  if (document.kind !== "headline" || document.source === "bundled") return keep(document);
  const share = titleCase(document.text);
  const reason =
    headlineProblem(document.text) ??
    (isPost(document) && share < 0.5 ? "sentence case" : undefined);
  return reason
    ? drop(document, reason, { titleCase: Math.round(share * 100) / 100 })
    : keep(document);
});
