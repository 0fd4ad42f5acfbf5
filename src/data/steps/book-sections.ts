/** The prose of a book in sections: headings, tables of contents and lists of plates left out. */
import { countWords } from "./sentences.ts";

export interface BookSections {
  /** Paragraphs between two headings; a break of scene begins a section too. */
  sections: string[][];
  headings: number;
  /** Paragraphs of tables of contents and lists of illustrations. */
  contents: number;
}

const KEYWORD =
  /^(?:the )?(?:chapter|letter|book|part|act|scene|appendix|stave|canto|section|volume|vol\.|preface|prefatory|introduction|introductory|foreword|prologue|epilogue|conclusion|contents|illustrations|list of illustrations|table of contents|notes?|general note|footnotes|etymology|finis|the end|dedication)\b/i;
const NUMERAL =
  /^\W*(?:(?:chapter|letter|book|part|act|stave)\s+)?(?:the\s+)?([ivxlc]+|\d{1,3}|one|first)\b[.:)\]]?/i;
const CONTENTS = /^\W*(?:table of |the )?contents\W*$/i;
const ILLUSTRATIONS = /^\W*(?:list of )?illustrations\W*$/i;
const SCENE_BREAK = /^[\s*·•.—_~#-]+$/;
const END_OF_SENTENCE = /[.!?][)"'\]]*$/;

const mostlyCapitals = (text: string): boolean => {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  return letters > 1 && (text.match(/\p{Lu}/gu)?.length ?? 0) >= letters * 0.8;
};

/** A line that names what follows. A shout in capitals ends like a sentence or opens with a quote. */
function isHeading(paragraph: string, afterHeading: boolean): boolean {
  if (paragraph.length > 120 || paragraph.split("\n").length > 3) return false;
  const count = countWords(paragraph);
  if (/^["']/.test(paragraph)) return afterHeading && count <= 8 && mostlyCapitals(paragraph);
  if (
    /^\[?(?:THE|FINIS|The) END\b/.test(paragraph) ||
    /^\W*[ivxlc]+\W*$/i.test(paragraph) ||
    /^\W*\d{1,3}\W*$/.test(paragraph)
  )
    return true;
  if (
    count <= 12 &&
    KEYWORD.test(paragraph) &&
    (mostlyCapitals(paragraph) ||
      !END_OF_SENTENCE.test(paragraph) ||
      /^\w+ (?:to chapter )?[ivxlc\d]+\b/i.test(paragraph))
  )
    return true;
  // `[The Knighted Knave of Bergen]` and plain titles stand right below a heading.
  if (
    afterHeading &&
    count <= 12 &&
    (!/[.!?,;:—"']$/.test(paragraph) || /^\[[^\]]*\]$/.test(paragraph))
  )
    return true;
  return count <= 15 && mostlyCapitals(paragraph) && !/[!?]["']*$/.test(paragraph);
}

/** Lines such as `IV. The Escape   55`: short, and few of them sentences. */
function isListing(paragraph: string): boolean {
  const lines = paragraph.split("\n");
  if (lines.length < 3) return false;
  const entries = lines.filter(
    (line) => countWords(line) <= 12 && (NUMERAL.test(line) || /\d{1,4}$/.test(line)),
  ).length;
  return entries >= lines.length * 0.6;
}

/** Whether a paragraph inside a table of contents is text that only stands there, such as a preface. */
function isProse(paragraph: string): boolean {
  const count = countWords(paragraph);
  const dashes = paragraph.split("—").length - 1;
  return (
    count >= 20 &&
    END_OF_SENTENCE.test(paragraph) &&
    dashes <= count / 18 &&
    !KEYWORD.test(paragraph) &&
    !isListing(paragraph)
  );
}

/**
 * "Porto Praya—Ribeira Grande—Habits of a Sea-slug": what a chapter is about, printed below its heading, or in a table of
 * contents behind the chapter's number.
 */
function isSynopsis(paragraph: string, afterHeading: boolean): boolean {
  const dashes = paragraph.split("—").length - 1;
  if (dashes < 3 || dashes < countWords(paragraph) / 6) return false;
  return /^chapter [ivxlc\d]+\b/i.test(paragraph) || (afterHeading && !/["!?]/.test(paragraph));
}

const ordinal = (paragraph: string): string | undefined => {
  const found = NUMERAL.exec(paragraph)?.[1]?.toLowerCase();
  return found === "1" || found === "i" || found === "one" || found === "first" ? "1" : found;
};

/** Where a table of contents that begins at `start` ends: at the heading that its first entry announced. */
function endOfContents(paragraphs: readonly string[], start: number): number {
  let first = -1;
  let entries = 0;
  // A long book's list of plates has hundreds of lines; a body has begun long before this.
  for (let i = start + 1; i < Math.min(paragraphs.length, start + 900); i++) {
    const paragraph = paragraphs[i]!;
    if (ordinal(paragraph) === "1") {
      if (first >= 0 && entries > 1 && (isHeading(paragraph, false) || KEYWORD.test(paragraph)))
        return i;
      if (first < 0) first = i;
    }
    if (ordinal(paragraph) !== undefined) entries++;
    // All in one paragraph: the table is over with it.
    if (i === start + 1 && isListing(paragraph) && paragraph.split("\n").length > 4) {
      let end = i + 1;
      while (end < paragraphs.length && isListing(paragraphs[end]!)) end++;
      return end;
    }
  }
  return start + 1;
}

/** "THE Mississippi is" opens a chapter in print; in a sentence of its own it reads "The Mississippi is". */
const plainOpening = (paragraph: string): string =>
  paragraph.replace(
    /^(["']?)(\p{Lu})(\p{Lu}+)(?= \p{Ll}| \p{Lu}\p{Ll})/u,
    (_, quote: string, first: string, rest: string) => quote + first + rest.toLowerCase(),
  );

/** Cuts a normalised book (paragraphs split by blank lines) at its headings. */
export function bookSections(text: string): BookSections {
  const paragraphs = text.split("\n\n");
  const result: BookSections = { sections: [], headings: 0, contents: 0 };
  let section: string[] = [];
  const close = (): void => {
    if (section.length > 0) result.sections.push(section);
    section = [];
  };
  let contentsEnd = 0;
  let afterHeading = false;
  for (const [i, paragraph] of paragraphs.entries()) {
    if (CONTENTS.test(paragraph) || ILLUSTRATIONS.test(paragraph))
      contentsEnd = Math.max(contentsEnd, endOfContents(paragraphs, i));
    if (SCENE_BREAK.test(paragraph)) {
      close();
    } else if (i < contentsEnd && !isProse(paragraph)) {
      close();
      result.contents++;
    } else if (isHeading(paragraph, afterHeading)) {
      close();
      result.headings++;
      afterHeading = true;
      continue;
    } else if (isListing(paragraph) || isSynopsis(paragraph, afterHeading)) {
      close();
      result.contents++;
    } else {
      section.push(afterHeading ? plainOpening(paragraph) : paragraph);
    }
    afterHeading = false;
  }
  close();
  return result;
}
