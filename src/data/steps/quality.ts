/**
 * Gopher's rules for repetition and symbols (Rae et al. 2021), scoped by kind: they were made for web
 * pages, and as they stand they drop every headline.
 */
import type { Document } from "../../core/document.ts";
import { drop, eachDocument, keep } from "../pipeline.ts";

const STOP_WORDS = new Set([
  "the",
  "be",
  "to",
  "of",
  "and",
  "that",
  "have",
  "with",
  "a",
  "in",
  "is",
  "it",
  "i",
  "was",
  "he",
  "you",
  "for",
  "not",
  "his",
]);
/** Greatest share of characters in the most frequent n-gram, n = 2, 3, 4. */
const TOP_NGRAM: readonly [number, number][] = [
  [2, 0.2],
  [3, 0.18],
  [4, 0.16],
];

interface Shape {
  words: number;
  /** Share of characters that are letters, spaces aside. */
  letters: number;
  digits: number;
  capitals: number;
  meanWord: number;
  stopWords: number;
  /** Share of words that stand in the text more often than once, of texts long enough to tell. */
  topNgram: number;
}

function shapeOf(text: string): Shape {
  const tokens = text.split(/\s+/).filter((token) => token !== "");
  let letters = 0;
  let digits = 0;
  let capitals = 0;
  let characters = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32) continue;
    characters++;
    if (code >= 65 && code <= 90) {
      letters++;
      capitals++;
    } else if ((code >= 97 && code <= 122) || code > 0xbf) letters++;
    else if (code >= 48 && code <= 57) digits++;
  }
  const bare = tokens.map((token) =>
    token.toLowerCase().replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, ""),
  );
  return {
    words: tokens.length,
    letters: letters / Math.max(1, characters),
    digits: digits / Math.max(1, characters),
    capitals: capitals / Math.max(1, letters),
    meanWord: characters / Math.max(1, tokens.length),
    stopWords: bare.filter((word) => STOP_WORDS.has(word)).length,
    topNgram: Math.max(...TOP_NGRAM.map(([n, limit]) => topNgramShare(bare, n) / limit)),
  };
}

/** Share of characters that the most frequent n-gram covers; 0 where none is repeated. */
function topNgramShare(words: readonly string[], n: number): number {
  const counts = new Map<string, number>();
  let total = 0;
  for (const word of words) total += word.length;
  let most = 0;
  for (let i = 0; i + n <= words.length; i++) {
    const gram = words.slice(i, i + n).join(" ");
    const count = (counts.get(gram) ?? 0) + 1;
    counts.set(gram, count);
    if (count > 2) most = Math.max(most, (count * (gram.length - n + 1)) / Math.max(1, total));
  }
  return most;
}

/** Why a text is no good, or undefined. */
function problem(document: Document, shape: Shape): string | undefined {
  if (shape.letters < 0.6) return "few letters";
  if (document.kind === "headline") {
    return shape.words > 3 && shape.capitals > 0.9 && document.text.length > 30
      ? "all capitals"
      : undefined;
  }
  if (document.kind !== "passage") return undefined;
  if (shape.letters < 0.75) return "few letters";
  if (shape.digits > 0.08) return "many digits";
  if (shape.capitals > 0.25) return "many capitals";
  if (shape.meanWord < 3 || shape.meanWord > 10) return "odd words";
  if (shape.stopWords < 2) return "no stop words";
  if (shape.topNgram > 1) return "repetition";
  const lines = document.text.split("\n");
  if (
    lines.length > 6 &&
    lines.filter((line) => !/[.!?,;:"')\]—-]$/.test(line)).length > lines.length * 0.6
  )
    return "a list";
  return undefined;
}

/** 0 to 1 in steps of 0.05: which of two copies is the better text. */
export function qualityScore(text: string): number {
  const { letters, digits, capitals } = shapeOf(text);
  return Math.round((letters - digits - Math.max(0, capitals - 0.1)) * 20) / 20;
}

export const qualityStep = eachDocument("quality", (document) => {
  const shape = shapeOf(document.text);
  const reason = problem(document, shape);
  if (!reason) return keep(document);
  const { letters, digits, capitals, meanWord, topNgram } = shape;
  const numbers = Object.fromEntries(
    Object.entries({ letters, digits, capitals, meanWord, topNgram }).map(([name, value]) => [
      name,
      Math.round(value * 1000) / 1000,
    ]),
  );
  return drop(document, reason, { ...numbers, stopWords: shape.stopWords });
});
