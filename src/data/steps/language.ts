/** The language of a text. Headlines are short and full of names, so only a confident verdict drops one. */
import type { Document } from "../../core/document.ts";
import { type Judgement, type Step, drop, eachDocument, keep } from "../pipeline.ts";

/** Enough of a passage to tell; the detector's time grows with the text. */
const SAMPLE = 200;
/** Below this many letters the detector guesses. */
const MIN_LETTERS = 24;

type Detector = (typeof import("eld/large"))["eld"];

function judge(document: Document, language: string, detector: Detector): Judgement {
  const sample = document.text.slice(0, SAMPLE);
  if ((sample.match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return keep(document);
  // A word in capitals has other n-grams than the word: a shouted headline is still English.
  const found = detector.detect(sample.toLowerCase());
  if (found.language === language || found.language === "") return keep(document);
  const score = found.getScores()[found.language] ?? 0;
  const wanted = found.getScores()[language] ?? 0;
  if (!found.isReliable() || wanted > score * 0.6) return keep(document);
  return drop(document, "other language", {
    score: Math.round(score * 1000) / 1000,
    wanted: Math.round(wanted * 1000) / 1000,
  });
}

/** Drops what is written in another language than `language` (ISO 639-1). */
export const languageStep = (language: string): Step => ({
  name: "language",
  async *run(documents) {
    // Its tables take seconds to load: a command that finds its stage up to date never needs them.
    const { eld } = await import("eld/large");
    yield* eachDocument("language", (document) => judge(document, language, eld)).run(documents);
  },
});
