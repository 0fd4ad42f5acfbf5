/**
 * Books to chunks of a few sentences. Where to cut is chosen for a whole section at once, so that no
 * chunk is cut short because the one before it was filled to the brim.
 */
import type { Document } from "../../core/document.ts";
import { type Step, eachDocument, keep } from "../pipeline.ts";
import { bookSections } from "./book-sections.ts";
import { countWords, createSegmenter, splitSentences } from "./sentences.ts";

export interface ChunkSize {
  minWords: number;
  maxWords: number;
}

/** A sentence, or a line of verse. */
interface Unit {
  text: string;
  words: number;
  /** What stands before it in the book. */
  join: "" | " " | "\n" | "\n\n";
  /** What it costs to begin a chunk here: least between paragraphs, most inside a quotation. */
  cut: number;
}

const CUT = { paragraph: 0, reply: 2, sentence: 4, line: 6, quotation: 8 };
/** Every chunk costs this, so that fewer and fuller ones win. */
const CHUNK = 3;
const TOO_SHORT = 30;
const TOO_LONG = 200;

const opensQuote = (text: string): boolean => /^["']/.test(text);
const quotes = (text: string): number => text.split('"').length - 1;

function unitsOf(paragraphs: readonly string[], segmenter: Intl.Segmenter): Unit[] {
  const units: Unit[] = [];
  let previousSpeaks = false;
  for (const paragraph of paragraphs) {
    const lines = paragraph.split("\n");
    const verse = lines.length > 1;
    const pieces = verse ? lines : splitSentences(paragraph, segmenter);
    let inside = false;
    for (const [i, text] of pieces.entries()) {
      const between = i > 0;
      const cut = !between
        ? previousSpeaks && opensQuote(text)
          ? CUT.reply
          : CUT.paragraph
        : verse
          ? CUT.line
          : inside
            ? CUT.quotation
            : CUT.sentence;
      units.push({
        text,
        words: countWords(text),
        join: between ? (verse ? "\n" : " ") : units.length > 0 ? "\n\n" : "",
        cut,
      });
      if (quotes(text) % 2 === 1) inside = !inside;
    }
    previousSpeaks = opensQuote(paragraph);
  }
  return units;
}

/** The cheapest way to cut a section: indices of the units that begin a chunk. */
function bestCuts(units: readonly Unit[], size: ChunkSize): number[] {
  const cost = new Float64Array(units.length + 1).fill(Infinity);
  const from = new Int32Array(units.length + 1);
  cost[0] = 0;
  for (let end = 1; end <= units.length; end++) {
    let words = 0;
    for (let start = end - 1; start >= 0; start--) {
      words += units[start]!.words;
      // One sentence may be longer than a chunk; two may not.
      if (words > size.maxWords && start < end - 1) break;
      const short = words < size.minWords ? TOO_SHORT * (2 - words / size.minWords) : 0;
      const long = words > size.maxWords ? TOO_LONG : 0;
      const total = cost[start]! + CHUNK + short + long + (start > 0 ? units[start]!.cut : 0);
      if (total < cost[end]!) {
        cost[end] = total;
        from[end] = start;
      }
    }
  }
  const cuts: number[] = [];
  for (let end = units.length; end > 0; end = from[end]!) cuts.push(from[end]!);
  return cuts.toReversed();
}

/** Paragraphs of one section as texts of `minWords` to `maxWords` where their sentences allow it. */
export function chunkSection(
  paragraphs: readonly string[],
  size: ChunkSize,
  segmenter: Intl.Segmenter,
): string[] {
  const units = unitsOf(paragraphs, segmenter);
  const cuts = bestCuts(units, size);
  return cuts.map((start, i) => {
    const slice = units.slice(start, cuts[i + 1] ?? units.length);
    return slice.map((unit, k) => (k === 0 ? unit.text : unit.join + unit.text)).join("");
  });
}

/** Twain's chapters open with a saying of his Pudd'nhead Wilson, whom he names below it. */
const EPIGRAPH = /^([^]{0,400}?)\s*[—-]\s*Pudd'nhead Wilson's (?:New )?Calendar\.?$/;

/** Sayings out of their sections, and what is left of each section. */
function takeEpigraphs(sections: readonly string[][]): { sayings: string[]; rest: string[][] } {
  const sayings: string[] = [];
  const rest = sections.map((paragraphs) => {
    const kept: string[] = [];
    for (const paragraph of paragraphs) {
      const found = EPIGRAPH.exec(paragraph);
      // The name may stand in a paragraph of its own.
      const saying = found?.[1] === "" ? kept.pop() : found?.[1];
      if (!found) kept.push(paragraph);
      else if (saying) sayings.push(saying.replaceAll("\n", " "));
    }
    return kept;
  });
  return { sayings, rest: rest.filter((paragraphs) => paragraphs.length > 0) };
}

/**
 * Cuts books; their chunks are passages `<book id>#<n>`, n from 1, whose `extra.work` is the book. The sayings that stand
 * above its chapters come last, as aphorisms.
 */
export function chunkStep(size: ChunkSize): Step {
  const segmenter = createSegmenter();
  return eachDocument("chunk", (document) => {
    if (document.kind !== "book") return keep(document);
    const { sections, headings, contents } = bookSections(document.text);
    const { sayings, rest } = takeEpigraphs(sections);
    const texts = rest.flatMap((paragraphs) => chunkSection(paragraphs, size, segmenter));
    const chunks = [...texts, ...sayings].map((text, i): Document => ({
      ...document,
      id: `${document.id}#${i + 1}`,
      kind: i < texts.length ? "passage" : "aphorism",
      text,
      extra: { ...document.extra, work: document.id },
    }));
    return {
      type: "chunks",
      document,
      chunks,
      numbers: { sections: sections.length, headings, contents, sayings: sayings.length },
    };
  });
}
