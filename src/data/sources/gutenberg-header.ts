/** What a Project Gutenberg file says of itself, and whether that is the book a recipe asked for. */

/** A marker stands at the start of a line and may wrap; its text never occurs inside a sentence. */
export const START_MARKER = /^\s*\*{3}\s*START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)/i;
export const END_MARKER = /^\s*\*{3}\s*END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)/i;
/** The early etexts end their header so: `*END*THE SMALL PRINT! …*Ver.04.29.93*END*`. */
export const SMALL_PRINT_END = /^\s*\*END\b.{0,3}THE SMALL PRINT.*\*END\*\s*$/i;

export interface GutenbergHeader {
  title?: string;
  author?: string;
}

/** Title and author as the lines before the book name them; either may be missing. */
export function readHeader(text: string): GutenbergHeader {
  const lines = text.slice(0, 30_000).split(/\r?\n/);
  const end = lines.findIndex((line) => START_MARKER.test(line) || SMALL_PRINT_END.test(line));
  const head = end < 0 ? lines.slice(0, 60) : lines.slice(0, end);
  const header: GutenbergHeader = {};
  const field = (name: string): string | undefined => {
    const at = head.findIndex((line) => line.startsWith(`${name}:`));
    if (at < 0) return undefined;
    const parts = [head[at]!.slice(name.length + 1).trim()];
    // A title goes on in the next lines where they are indented.
    for (let i = at + 1; /^\s+\S/.test(head[i] ?? ""); i++) parts.push(head[i]!.trim());
    return parts.join(" ").trim() || undefined;
  };
  const title = field("Title");
  const author = field("Author");
  if (title) header.title = title;
  if (author) header.author = author;
  if (header.title) return header;
  // Early etexts: "The Project Gutenberg Etext of Roughing It, by Mark Twain".
  const joined = head.join(" ").replaceAll(/\s+/g, " ");
  const old =
    /Project Gutenberg(?:'s)? (?:Etext|Ebook) of (.{2,120}?),? by (.{2,60}?)(?:\*\*|#\d|\s\*|$|\s{2}|\sCopyright)/i.exec(
      joined,
    );
  if (old) {
    header.title = old[1]!.trim();
    header.author = old[2]!.trim();
  }
  return header;
}

const words = (text: string): string[] =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}|['’]/gu, "")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && word !== "the" && word !== "a" && word !== "an");

/** `text` continues `start` word for word, and what follows is no volume number: a part is another file. */
function continues(text: readonly string[], start: readonly string[]): boolean {
  if (start.length === 0 || !start.every((word, i) => text[i] === word)) return false;
  const rest = text.slice(start.length);
  return !(/^(part|volume|vol|book)$/.test(rest[0] ?? "") && rest.length > 1);
}

/** Same work: equal titles but for articles, case, accents and a subtitle such as ", Complete". */
export function sameTitle(wanted: string, found: string): boolean {
  const a = words(wanted);
  const b = words(found);
  return continues(a, b) || continues(b, a);
}

/** Same author: the words of the shorter name all occur in the longer one. */
export function sameAuthor(wanted: string, found: string): boolean {
  const [few, many] = [words(wanted), words(found)].toSorted((a, b) => a.length - b.length) as [
    string[],
    string[],
  ];
  return few.length > 0 && few.every((word) => many.includes(word));
}
