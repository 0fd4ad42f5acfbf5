/** The language of a text. Headlines are short and full of names, so only a confident verdict drops one. */
import type { Document } from "../../core/document.ts";
import { type Judgement, type Step, drop, keep } from "../pipeline.ts";

/** Enough of a passage to tell; the detector's time grows with the text. */
const SAMPLE = 200;
/** Below this many letters the detector guesses. */
const MIN_LETTERS = 24;

/** A word in capitals has other n-grams than the word: a shouted headline is still English. */
const sampleOf = ({ text }: Document): string => text.slice(0, SAMPLE).toLowerCase();

interface Finding {
  /** ISO 639-1; empty where there is no telling. */
  language: string;
  isReliable(): boolean;
  /** By language, 0 to 1. */
  getScores(): Record<string, number>;
}

function judge(document: Document, language: string, detect: (text: string) => Finding): Judgement {
  const sample = sampleOf(document);
  if ((sample.match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return keep(document);
  const found = detect(sample);
  if (found.language === language || found.language === "") return keep(document);
  const scores = found.getScores();
  const score = scores[found.language] ?? 0;
  const wanted = scores[language] ?? 0;
  if (!found.isReliable() || wanted > score * 0.6) return keep(document);
  return drop(document, "other language", {
    score: Math.round(score * 1000) / 1000,
    wanted: Math.round(wanted * 1000) / 1000,
  });
}

/** Drops what is written in another language than `language` (ISO 639-1). Loads tables of 110 MB. */
export const languageStep = (language: string): Step => ({
  name: "language",
  async *run(documents) {
    const { eld } = await import("eld/large");
    for await (const document of documents)
      yield judge(document, language, (text) => eld.detect(text));
  },
});
