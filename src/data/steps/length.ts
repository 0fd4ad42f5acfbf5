/** Length in words, by kind: what is short for a chapter is long for a headline. */
import type { DocumentKind } from "../../core/document.ts";
import { type Step, drop, eachDocument, keep } from "../pipeline.ts";
import type { ChunkSize } from "./chunk.ts";
import { countWords } from "./sentences.ts";

const BOUNDS: Record<DocumentKind, [number, number]> = {
  book: [300, Infinity],
  passage: [12, 400],
  aphorism: [3, 90],
  headline: [4, 45],
  joke: [5, 120],
  "weather-answer": [4, 150],
  question: [3, 60],
};

/** Passages of books are held to the recipe's size; a single sentence may be twice as long. */
export function lengthStep(size: ChunkSize): Step {
  return eachDocument("length", (document) => {
    const words = countWords(document.text);
    const [low, high] =
      document.kind === "passage" && document.extra.work !== undefined
        ? [size.minWords, size.maxWords * 2]
        : BOUNDS[document.kind];
    if (words < low) return drop(document, "too short", { words, low });
    if (words > high) return drop(document, "too long", { words, high });
    return keep(document, { words });
  });
}
