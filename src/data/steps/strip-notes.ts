/**
 * What is left of an edition in a Gutenberg text when header, credits and numbered footnotes are gone: starred
 * footnotes, `[picture]`, and what a typist or publisher says of the edition.
 */
import { removeBracketed } from "./strip-gutenberg.ts";

const PICTURE =
  /^\s*\[(?:picture|map|plate|diagram|figure|image|drawing|music|frontispiece)s?\b[^\]]{0,80}\]\s*$/i;
const FIGURE = /[ \t]?\[(?:figure|fig\.|plate) (?:\d{1,3}|[ivxlc]{1,6})\]/gi;
const EDITION =
  /^\s*\[?(?:from an? \d{4}\b|first published in \d{4}\W*$|copyright,? (?:\(c\) )?\d{4}\b|[A-Z]{4,}(?: \d+){2,}\W*$)/i;
/** A book in parts says it at the head of each. */
const ILLUSTRATIONS = /^\s*illustrations taken from an? \d{4}\b[^.!?]{0,60}$/i;
const EDITOR = /^\s*\[(?:transcriptions? of|page \d+ of)\b[^\]]*\]\W*$/i;
/** A note below the line: `*I remember the first albatross I ever saw.` A row of stars is a break of scene. */
const STARRED = /^\s*(?:\*{1,3}|†|‡) ?[\p{L}"'“‘_]/u;
/** A reference: a star after a word or the end of a sentence. Two stars and more in a row are no reference. */
const REFERENCE = /(?<=[\p{L}\d.,;:!?’”"')_]) ?(?:\*(?! ?\*)|†|‡)(?=[\s.,;:]|$)/gmu;
/** A note stands at most so many paragraphs below its reference. */
const NEAR = 4;
/** Notes on the edition stand on the first pages. */
const FIRST = 25;

/** A text of paragraphs between blank lines, without them. What no reference leads to stays. */
export function stripNotes(text: string): string {
  const bracketed = removeBracketed(text.replaceAll(FIGURE, ""), /\[\*/g);
  const starred = /\[\*/.test(text);
  const paragraphs = bracketed.split("\n\n");
  let found = starred;
  const kept = paragraphs.filter((paragraph, i) => {
    if ([PICTURE, EDITOR, ILLUSTRATIONS].some((each) => each.test(paragraph))) return false;
    if (i < FIRST && EDITION.test(paragraph)) return false;
    if (!STARRED.test(paragraph)) return true;
    const above = paragraphs.slice(Math.max(0, i - NEAR), i);
    const isNote = above.some((each) => each.search(REFERENCE) >= 0);
    found ||= isNote;
    return !isNote;
  });
  const rest = kept.filter((paragraph) => paragraph.trim() !== "").join("\n\n");
  return found ? rest.replaceAll(REFERENCE, "") : rest;
}
