/**
 * A Project Gutenberg file to the author's text alone. Markers count only at the start of a line: a
 * search for "END OF TH" cuts The Innocents Abroad at "THE LEGEND OF THE SEVEN SLEEPERS". Credits go by
 * paragraph, not by line: cut by line, their second line stays behind.
 */
import { TwainError } from "../../core/errors.ts";
import { END_MARKER, SMALL_PRINT_END, START_MARKER } from "../sources/gutenberg-header.ts";
import { type Step, drop, eachDocument, keep } from "../pipeline.ts";

const SHORT_END =
  /^\s*(?:End of|Ende dieses|Fin de) (?:(?:the|this) )?(?:\w+\/)?Project Gutenberg/i;
/** Paragraphs of people who made the file, wherever they stand near its ends. */
const CREDIT =
  /^\s*(?:\[?Transcriber['’]?s['’]? Notes?|(?:This )?e-?(?:text|book) (?:was )?(?:prepared|produced|scanned|created)|(?:Original )?(?:Produced|Transcribed|Scanned|Digitized|Proofed) (?:by|from)|HTML version by|Electronic Edition by|Edited by .* for Project Gutenberg|Note: Project Gutenberg)/i;
const MENTION =
  /project gutenberg|gutenberg-tm|\be-?texts?\b|internet wiretap|online edition|electronic edition|pgdp\.net|distributed proofread|italics are (?:represented|marked|indicated)|original transcriber['’]s notes?|proofreaders? of this|[\w.-]+@[\w-]+\.\w/i;
const EDITOR_LINE = /^\s*\[(?:End of|Transcriber|Blank page|Page |Pg )[^\]]*\]\s*$/i;
const NOTES_HEADING = /^\s*(?:original )?transcriber['’]?s['’]? (?:end ?)?notes?:?\s*$/i;
/** What a file may hold beside the book: header, licence, credits. More is a sign of a wrong cut. */
const MAX_OUTSIDE = 30_000;
const MIN_KEPT = 0.6;

/** Index of the line after a marker that may go on over a few lines up to its closing asterisks. */
function afterMarker(lines: readonly string[], at: number): number {
  for (let i = at; i < Math.min(at + 5, lines.length); i++) {
    const rest = i === at ? lines[i]!.replace(/^\s*\*{3}/, "") : lines[i]!;
    if (/\*{3}\s*$/.test(rest)) return i + 1;
    if (rest.trim() === "") break;
  }
  return at + 1;
}

/** The first line after the header; 0 where no marker ends one. */
function bodyStart(lines: readonly string[]): number {
  const early = Math.max(400, lines.length * 0.15);
  const marker = lines.findLastIndex((line, i) => i < early && START_MARKER.test(line));
  if (marker >= 0) return afterMarker(lines, marker);
  return lines.findLastIndex((line, i) => i < early && SMALL_PRINT_END.test(line)) + 1;
}

const linesOf = (text: string): string[] => text.replaceAll(/\r\n?/g, "\n").split("\n");

/** Whoever kept the file: it has Project Gutenberg's header. */
const isGutenbergFile = (text: string): boolean =>
  /gutenberg|small print/i.test(text) && bodyStart(linesOf(text)) > 0;

/** Lines between header and licence. */
function bodyLines(lines: readonly string[]): string[] {
  const start = bodyStart(lines);

  const ends = lines.flatMap((line, i) => (i > start && END_MARKER.test(line) ? [i] : []));
  // A short book's licence may be more than a quarter of its file.
  let end = ends.find((i) => i > lines.length * 0.75) ?? ends[0] ?? lines.length;
  const shortEnd = lines.findLastIndex(
    (line, i) => i >= Math.max(start, end - 40) && i < end && SHORT_END.test(line),
  );
  if (shortEnd >= 0) end = shortEnd;
  return lines.slice(start, end);
}

/** Takes out every `open … ]` with its brackets balanced; an unclosed one is left alone. */
export function removeBracketed(text: string, open: RegExp): string {
  let out = "";
  let from = 0;
  for (const match of text.matchAll(open)) {
    if (match.index < from) continue;
    const opening = text[match.index]!;
    const closing = opening === "{" ? "}" : "]";
    let depth = 0;
    let i = match.index;
    for (; i < Math.min(text.length, match.index + 12_000); i++) {
      if (text[i] === opening) depth++;
      else if (text[i] === closing && --depth === 0) break;
    }
    if (depth !== 0) continue;
    out += text.slice(from, match.index);
    from = i + 1;
  }
  return out + text.slice(from);
}

const indent = (paragraph: string): number => /^\s*/.exec(paragraph)![0].length;

/** Bodies of footnotes: `[3] …` at the start of a paragraph, and the paragraphs that go on as deeply indented. */
function removeFootnotes(paragraphs: readonly string[]): string[] {
  let noteIndent = 0;
  return paragraphs.filter((paragraph) => {
    if (
      /^\s*\[(?:\d{1,3}|\*|[A-Z])\]\s*\S/.test(paragraph) ||
      /^\s*\*?\[Footnote/i.test(paragraph)
    ) {
      noteIndent = indent(paragraph);
      return false;
    }
    const goesOn =
      noteIndent >= 4 && paragraph.split("\n").every((line) => indent(line) >= noteIndent);
    if (!goesOn) noteIndent = 0;
    return !goesOn;
  });
}

/** A table whose rows are held together by braces, such as Franklin's hours of a day: `{ 5 }  Rise, wash`. */
function isBraceTable(paragraph: string): boolean {
  const lines = paragraph.split("\n");
  const rows = lines.filter((line) => /\s{2}\{ *\d{0,2} *\}|^\s{2,}\d{1,2} ?\}/.test(line));
  return rows.length > lines.length / 2;
}

/** Drops credits among the first and last paragraphs, and all that follows a transcriber's heading near the end. */
function removeCredits(paragraphs: readonly string[]): string[] {
  const near = Math.max(25, Math.floor(paragraphs.length * 0.05));
  const notes = paragraphs.findIndex(
    (paragraph, i) => i >= paragraphs.length - near && NOTES_HEADING.test(paragraph),
  );
  const kept = notes >= 0 ? paragraphs.slice(0, notes) : paragraphs;
  return kept.filter((paragraph, i) => {
    if (EDITOR_LINE.test(paragraph)) return false;
    // A table of contents can put hundreds of paragraphs before a transcriber's note.
    const edge = i < Math.max(200, near) || i >= kept.length - near;
    return !(
      edge &&
      (CREDIT.test(paragraph) || MENTION.test(paragraph) || NOTES_HEADING.test(paragraph))
    );
  });
}

/**
 * The book alone. `kept` is the share of the letters between the markers; `share` that of the whole file,
 * where a header and licence of the usual size are allowed for.
 */
export function stripGutenberg(raw: string): { text: string; kept: number; share: number } {
  const file = raw.replace(/^\uFEFF/, "").replaceAll(/\r\n?/g, "\n");
  const inside = bodyLines(file.split("\n")).join("\n");
  const outside = file.length - inside.length;
  const plain = [
    /\[Illustration\b/gi,
    /\{footnote\b/gi,
    /\[(?:Footnote|Sidenote|Transcriber['’]?s Note)\b/gi,
  ].reduce(
    removeBracketed,
    // Shakespeare's collected works carry a licence inside the text, between double angles.
    inside.replaceAll(/<<THIS ELECTRONIC VERSION OF[\s\S]{0,1500}?>>/g, ""),
  );
  const paragraphs = plain.split(/\n(?:[ \t]*\n)+/).filter((paragraph) => paragraph.trim() !== "");
  const text = removeFootnotes(removeCredits(paragraphs))
    .filter((paragraph) => !isBraceTable(paragraph))
    .join("\n\n")
    // References to the notes that are gone, and the numbers of those that are told as prose.
    .replaceAll(/[ \t]?\[\d{1,3}\]|(?<=\S)[ \t\n]?\{\d{1,3}\}|^\{\d{1,3}\}[ \t]+/gm, "");
  const letters = (value: string): number => value.replaceAll(/\s+/g, "").length;
  const own = letters(text);
  return {
    text,
    kept: own / Math.max(1, letters(inside)),
    share: Math.min(1, own / Math.max(1, letters(file) - Math.min(outside, MAX_OUTSIDE))),
  };
}

/**
 * Books of Project Gutenberg only, from whatever source; `notes` takes out what else of the edition is left. Rather than
 * train on a wrong cut, throws `curate/gutenberg-cut` for a book that a recipe names, and drops any other.
 */
export const stripGutenbergStep = (notes: (text: string) => string): Step =>
  eachDocument("strip-gutenberg", (document) => {
    if (document.kind !== "book") return keep(document);
    const named = document.source === "gutenberg";
    if (!named && !isGutenbergFile(document.text)) return keep(document);
    const { text, kept, share } = stripGutenberg(document.text);
    const left = /project\s+gutenberg/i.exec(text);
    if (share < MIN_KEPT || left) {
      if (!named)
        return drop(document, "unusual Gutenberg file", { share: Math.round(share * 1000) / 1000 });
      throw new TwainError(
        "curate/gutenberg-cut",
        left
          ? `${document.id}: "${text.slice(Math.max(0, left.index - 60), left.index + 40)}" is left of the file's header or licence`
          : `${document.id}: only ${Math.round(share * 100)} % of the file was taken for the book`,
        { hint: "The file's markers are unusual: take another edition of the book." },
      );
    }
    return keep({ ...document, text: notes(text) }, { kept: Math.round(kept * 1000) / 1000 });
  });
