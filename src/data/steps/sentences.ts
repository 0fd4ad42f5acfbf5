/** Sentences of one paragraph. */

const ABBREVIATION =
  /(?:^|[\s("'—])(?:Mr|Mrs|Ms|Mme|Mlle|Messrs|Dr|St|Ste|Prof|Rev|Hon|Gen|Col|Capt|Lieut|Lt|Sergt|Sgt|Maj|Gov|Sen|Esq|ESQ|Jr|Sr|Jas|Wm|Geo|Thos|Chas|Benj|Bros|Co|Vol|No|Nos|Fig|viz|etc|vs|cf|i\.e|e\.g|p\.m|a\.m|P\.M|A\.M|B\.C|A\.D|[A-Z])\.$/;

/**
 * The sentences of a paragraph, in order; joined by one space they are the paragraph again. Not split
 * after "Mr." or an initial, nor before a word in lower case.
 *
 * Intl.Segmenter copies its whole input into every segment, so it must never see more than a paragraph.
 */
export function splitSentences(paragraph: string, segmenter: Intl.Segmenter): string[] {
  const sentences: string[] = [];
  let current = "";
  for (const { segment } of segmenter.segment(paragraph)) {
    const goesOn =
      ABBREVIATION.test(current.trimEnd()) ||
      /^[^\p{L}\p{N}]*\p{Ll}/u.test(segment) ||
      /^[^\p{L}\p{N}]*$/u.test(segment);
    if (current !== "" && !goesOn) {
      sentences.push(current.trim());
      current = "";
    }
    current += segment;
  }
  if (current.trim() !== "") sentences.push(current.trim());
  return sentences;
}

export const createSegmenter = (): Intl.Segmenter =>
  new Intl.Segmenter("en", { granularity: "sentence" });

/** Words as a reader counts them: runs between spaces. */
export function countWords(text: string): number {
  let count = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    const space = text.charCodeAt(i) <= 32;
    if (!space && !inside) count++;
    inside = !space;
  }
  return count;
}
