/**
 * One spelling for what typists spell in many ways: straight quotes, em dashes, single spaces, paragraphs
 * on one line. Verse and lists keep their lines.
 */
import type { Document } from "../../core/document.ts";
import { eachDocument, keep } from "../pipeline.ts";

const ENTITIES: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  mdash: "—",
  ndash: "–",
  hellip: "…",
  lsquo: "'",
  rsquo: "'",
  ldquo: '"',
  rdquo: '"',
};

/** The entities that occur in titles; unknown ones stay. Twice, for `&amp;amp;`. */
export function decodeEntities(text: string): string {
  const once = (value: string): string =>
    value.replaceAll(
      /&(?:#(\d{1,6})|#x([\da-f]{1,5})|(\w{2,6}));/gi,
      (all: string, decimal?: string, hex?: string, name?: string) => {
        if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? all;
        const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
        return code > 31 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
          ? String.fromCodePoint(code)
          : all;
      },
    );
  return text.includes("&") ? once(once(text)) : text;
}

/** Characters that have a plainer twin, and characters that nobody sees. */
function plainCharacters(text: string): string {
  return text
    .normalize("NFC")
    .replaceAll(
      /[\u00AD\u200B-\u200F\u202A-\u202E\u2060\uFEFF\u0000-\u0008\u000B\u000E-\u001F\uFFFD]/g,
      "",
    )
    .replaceAll(/[‘’‚‛′`´]/g, "'")
    .replaceAll(/[“”„‟″«»]|''/g, '"')
    .replaceAll(/[\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000\t\f\v]/g, " ")
    .replaceAll("…", "...");
}

/** Spaces, dashes, ellipses and typewriter emphasis within one paragraph. */
function plainSpacing(text: string): string {
  return (
    text
      .replaceAll(/_{2,}/g, "—")
      // `_emphasis_`, also of a part of a word: `_de_fensive`. Else an underscore between two letters is part of a word.
      .replaceAll(
        /(?<!\p{L})_(?=\S)([^_]*\S)_(?=\p{L})|(?<=\p{L})_(?=\S)([^_]*\S)_(?!\p{L})/gu,
        "$1$2",
      )
      .replaceAll(/(?<!\p{L})_|_(?!\p{L})/gu, "")
      .replaceAll(/ {2,}/g, " ")
      .replaceAll(/[―‒]|-{2,}/g, "—")
      .replaceAll(/ ?—(?: ?—)* ?/g, "—")
      .replaceAll(/ ?(?:\. ){2,}\.|\.{4,}/g, "...")
      .replaceAll(/ +([,;:.!?])(?=\s|$|")/g, "$1")
      .trim()
  );
}

/** Most lines of a book are as long as the page is wide. */
function pageWidth(lines: readonly string[]): number {
  const lengths = lines
    .map((line) => line.trimEnd().length)
    .filter((length) => length > 0)
    .toSorted((a, b) => a - b);
  return lengths[Math.floor(lengths.length * 0.9)] ?? 0;
}

/**
 * Verse, a list, an address: its lines begin like lines, and most end where the next word would still have
 * fitted on the page.
 */
function keepsLines(lines: readonly string[], width: number): boolean {
  if (lines.length < 2) return false;
  let short = 0;
  let capital = 0;
  for (const [i, line] of lines.entries()) {
    if (/^\s*(?:[^\p{L}\p{N}]*\p{Lu}|\d|\()/u.test(line)) capital++;
    const next = lines[i + 1];
    if (next !== undefined && line.length + 1 + next.trim().split(" ", 1)[0]!.length < width - 3)
      short++;
  }
  return capital >= lines.length * 0.8 && short >= (lines.length - 1) * 0.7;
}

/** Words that stand whole in a text, to tell `narra-` + `tive` from `home-` + `made`. */
function wordsOf(text: string): Set<string> {
  return new Set(
    text
      .toLowerCase()
      // Halves at the end and the start of a line are the question, not the evidence.
      .replaceAll(/\p{L}+- *\n *\p{L}+/gu, " ")
      .match(/\p{L}+(?:-\p{L}+)*/gu),
  );
}

function joinLines(lines: readonly string[], known: () => Set<string>): string {
  let text = "";
  for (const line of lines) {
    const next = line.trim();
    if (text === "") text = next;
    else if (/(?<!-)-$/.test(text)) {
      const left = /(\p{L}+)-$/u.exec(text)?.[1];
      const right = /^\p{Ll}+/u.exec(next)?.[0];
      const whole = left && right ? `${left}${right}`.toLowerCase() : "";
      const hyphenated = left && right ? `${left}-${right}`.toLowerCase() : "";
      // Unknown either way: where lines end in hyphens at all, most of them split a word.
      const split =
        whole !== "" &&
        !known().has(hyphenated) &&
        (known().has(whole) || !(known().has(left!.toLowerCase()) && known().has(right!)));
      text = split ? text.slice(0, -1) + next : text + next;
    } else text += /—$|--$/.test(text) || /^(?:—|--)/.test(next) ? next : ` ${next}`;
  }
  return text;
}

/** Text in paragraphs of one line each (`\n\n` between them), verse and lists with their own lines. */
export function normaliseText(raw: string): string {
  const text = plainCharacters(raw.replaceAll(/\r\n?/g, "\n"));
  const blocks = text.split(/\n(?: *\n)+/).map((block) =>
    block
      .split("\n")
      .map((line) => line.trimEnd())
      .filter((line) => line !== ""),
  );
  const width = pageWidth(blocks.flat());
  let known: Set<string> | undefined;
  const paragraphs = blocks
    .filter((lines) => lines.length > 0)
    .map((lines) =>
      keepsLines(lines, width)
        ? lines.map(plainSpacing).join("\n")
        : plainSpacing(joinLines(lines, () => (known ??= wordsOf(text)))),
    );
  return paragraphs.filter((paragraph) => paragraph !== "").join("\n\n");
}

/** What r/TheOnion's posters and their feeds put around a headline. */
const HEADLINE_TAIL =
  /\s*(?:[-|–—]\s*(?:The Onion|ClickHole|America's Finest News Source|The Daily Mash|The Babylon Bee)\.?|\|[^|]{2,40})\s*$/i;
const HEADLINE_LEAD =
  /^(?:(?:News|Life|Blog|Video|Article|Opinion|PatriotHole|Commentary|The Peel|Clickhole|The Onion|Must See|5 Questions|Culture Shock|\[?VIDEO\]?)\s*[:-]\s*)+/i;

/** A headline on one line, without the section that it ran in. */
export function normaliseHeadline(raw: string): string {
  const text = plainSpacing(plainCharacters(decodeEntities(raw)).replaceAll(/\s+/g, " "));
  return text
    .replace(HEADLINE_TAIL, "")
    .replace(HEADLINE_TAIL, "")
    .replace(HEADLINE_LEAD, "")
    .trim();
}

const plainLines = (text: string): string =>
  plainCharacters(decodeEntities(text)).split("\n").map(plainSpacing).join("\n").trim();

function normalise(document: Document): Document {
  if (document.kind === "headline") return { ...document, text: normaliseHeadline(document.text) };
  if (document.kind !== "joke") return { ...document, text: normaliseText(document.text) };
  const extra = { ...document.extra };
  for (const part of ["setup", "punchline"])
    if (typeof extra[part] === "string") extra[part] = plainLines(extra[part]);
  return { ...document, text: plainLines(document.text), extra };
}

export const normaliseStep = eachDocument("normalise", (document) => keep(normalise(document)));
