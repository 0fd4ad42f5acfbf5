/** A model that has lost the thread says the same again and again, in nobody's voice. */

/** The most that a text of the shipped corpus has is 28 %, an epigram; a loop has nearly all. */
const MOST_REPEATED = 0.35;

/** Whether over 35 % of the pairs of neighbouring words occurred before in the text; never for fewer than 8 words. */
export function loops(text: string): boolean {
  const words = text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
  if (words.length < 8) return false;
  const pairs = words.slice(1).map((word, i) => `${words[i]} ${word}`);
  return 1 - new Set(pairs).size / pairs.length > MOST_REPEATED;
}
