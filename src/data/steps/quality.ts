/**
 * Gopher's rules for repetition and symbols (Rae et al. 2021), scoped by kind: they were made for web
 * pages, and as they stand they drop every headline.
 */
import type { Document } from "../../core/document.ts";
import { drop, eachDocument, keep } from "../pipeline.ts";
import { hashWords } from "./minhash.ts";

const STOP_WORDS = new Set(
  hashWords("the be to of and that have with a in is it i was he you for not his"),
);
/** Greatest share of the words that the most frequent n-gram may cover; laxer than Gopher's, as a refrain is a means of style. */
const TOP_NGRAM: readonly (readonly [n: number, limit: number])[] = [
  [2, 0.3],
  [3, 0.25],
  [4, 0.25],
];

/** Shares of the characters that are not spaces; `capitals` is of the letters. */
interface Shape {
  letters: number;
  digits: number;
  capitals: number;
  /** Characters of a word, punctuation included. */
  meanWord: number;
}

function shapeOf(text: string): Shape {
  let letters = 0;
  let digits = 0;
  let capitals = 0;
  let characters = 0;
  let words = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32) {
      inside = false;
      continue;
    }
    if (!inside) words++;
    inside = true;
    characters++;
    if (code >= 65 && code <= 90) {
      letters++;
      capitals++;
    } else if ((code >= 97 && code <= 122) || (code >= 0xc0 && code < 0x2000)) letters++;
    else if (code >= 48 && code <= 57) digits++;
  }
  const all = Math.max(1, characters);
  return {
    letters: letters / all,
    digits: digits / all,
    capitals: capitals / Math.max(1, letters),
    meanWord: characters / Math.max(1, words),
  };
}

/** How often the most frequent n-gram stands in the text. */
function topNgram(words: Int32Array, n: number): number {
  const grams = new Int32Array(Math.max(0, words.length - n + 1));
  for (let i = 0; i < grams.length; i++) {
    let hash = 0;
    for (let k = 0; k < n; k++) hash = Math.imul(hash, 0x01000193) ^ words[i + k]!;
    grams[i] = hash;
  }
  grams.sort();
  let most = 0;
  for (let i = 0, run = 0; i < grams.length; i++) {
    run = grams[i] === grams[i - 1] ? run + 1 : 1;
    if (run > most) most = run;
  }
  return most;
}

/** Whether an n-gram covers more of the words than its limit; one that stands only twice never does. */
function repeats(words: Int32Array): boolean {
  let most = words.length;
  for (const [n, limit] of TOP_NGRAM) {
    // No longer n-gram is more frequent than the shorter ones in it.
    if (most <= 2 || (most * n) / words.length <= limit) continue;
    most = topNgram(words, n);
    if (most > 2 && (most * n) / words.length > limit) return true;
  }
  return false;
}

function hasStopWords(words: Int32Array): boolean {
  let found = 0;
  for (let i = 0; i < words.length; i++)
    if (STOP_WORDS.has(words[i]!) && ++found === 2) return true;
  return false;
}

/** Why a text is no good, or undefined. */
function problem(document: Document, shape: Shape): string | undefined {
  if (shape.letters < 0.6) return "few letters";
  if (document.kind === "headline") {
    return shape.capitals > 0.9 && document.text.length > 30 ? "all capitals" : undefined;
  }
  if (document.kind !== "passage") return undefined;
  if (shape.letters < 0.75) return "few letters";
  if (shape.digits > 0.1) return "many digits";
  if (shape.capitals > 0.3) return "many capitals";
  if (shape.meanWord < 3 || shape.meanWord > 10) return "odd words";
  const words = hashWords(document.text);
  if (!hasStopWords(words)) return "no stop words";
  if (repeats(words)) return "repetition";
  const lines = document.text.split("\n");
  // Verse has longer lines than a list of names.
  if (
    lines.length > 6 &&
    words.length < lines.length * 5 &&
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
  const numbers = Object.fromEntries(
    Object.entries(shape).map(([name, value]) => [name, Math.round(value * 1000) / 1000]),
  );
  return drop(document, reason, numbers);
});
