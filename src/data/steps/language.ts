/** The language of a text. Headlines are short and full of names, so only a confident verdict drops one. */
import type { Document } from "../../core/document.ts";
import { batchesOf } from "../batches-of.ts";
import { type Judgement, type Step, drop, keep } from "../pipeline.ts";
import { type Finding, openLanguageDetector } from "./language-detector.ts";

/** Enough of a passage to tell; the detector's time grows with the text. */
const SAMPLE = 200;
/** Below this many letters the detector guesses. */
const MIN_LETTERS = 24;
/** Documents that are sent to the detector at once. */
const BATCH = 256;

/** A word in capitals has other n-grams than the word: a shouted headline is still English. */
const sampleOf = ({ text }: Document): string => text.slice(0, SAMPLE).toLowerCase();

function judge(document: Document, language: string, found: Finding): Judgement {
  if ((sampleOf(document).match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return keep(document);
  if (found.language === language || found.language === "") return keep(document);
  const score = found.scores[found.language] ?? 0;
  const wanted = found.scores[language] ?? 0;
  if (!found.isReliable || wanted > score * 0.6) return keep(document);
  return drop(document, "other language", {
    score: Math.round(score * 1000) / 1000,
    wanted: Math.round(wanted * 1000) / 1000,
  });
}

/** A batch that the detector is reading while the next one is gathered. */
interface Sent {
  batch: readonly Document[];
  finding: Promise<Finding[]>;
}

async function* judged({ batch, finding }: Sent, language: string): AsyncGenerator<Judgement> {
  const found = await finding;
  for (const [i, document] of batch.entries()) yield judge(document, language, found[i]!);
}

/** Drops what is written in another language than `language` (ISO 639-1). */
export const languageStep = (language: string): Step => ({
  name: "language",
  async *run(documents) {
    // Opened here: a command that finds its stage up to date never needs it.
    const detector = openLanguageDetector();
    try {
      let sent: Sent | undefined;
      for await (const batch of batchesOf(documents, BATCH)) {
        const finding = detector.detect(batch.map(sampleOf));
        // Awaited a batch later; until then nobody else would hear of a failure.
        finding.catch(() => undefined);
        if (sent) yield* judged(sent, language);
        sent = { batch, finding };
      }
      if (sent) yield* judged(sent, language);
    } finally {
      await detector.close();
    }
  },
});
