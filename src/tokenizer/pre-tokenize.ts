/**
 * How text is cut into pieces before they are looked up. Made for small models that must copy names and numbers:
 * - every digit alone, so that any number can be spelled;
 * - letters and underscores in one run, so that `get_current_weather` is one piece;
 * - the space before a word belongs to the word, except before a capital letter and before a word
 *   that calls and results repeat: ` Hannibal` in a question and `"Hannibal` in a call then have the
 *   same tokens, and copying is the identity;
 * - punctuation in runs (`":"` is one piece), line ends apart.
 */

/** Words that stand after a space in a sentence and after a quote in JSON, and mean the same in both. */
const repeated = [
  "today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday",
  "clear|mostly|scattered|overcast|fog|freezing|light|steady|heavy|drizzle|snow|rain|thunderstorms",
].join("|");

/** Oniguruma syntax, as tokenizer.json has it; the alternatives cover every character. */
export const pieceRegex = [
  String.raw`['’](?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}_])`,
  String.raw`[\p{Lu}\p{Lt}][\p{L}\p{M}_]*`,
  String.raw` (?=(?:${repeated})(?![\p{L}\p{M}_]))`,
  String.raw` ?(?![\p{Lu}\p{Lt}])[\p{L}\p{M}_]+`,
  String.raw`\p{N}`,
  String.raw` ?[^\s\p{L}\p{M}\p{N}_]+`,
  String.raw`[\r\n]+`,
  // A run of blanks leaves its last one to the word that follows.
  String.raw`[^\S\r\n]+(?!\S)`,
  String.raw`[^\S\r\n]+`,
].join("|");

// Oniguruma's \s is Unicode White_Space: with U+0085, without the byte order mark that JavaScript adds.
const space = String.raw`\p{White_Space}`;
const compiled = new RegExp(
  pieceRegex
    .replaceAll(String.raw`[^\S\r\n]`, `(?:(?![\\r\\n])${space})`)
    .replaceAll(String.raw`(?!\S)`, `(?!\\P{White_Space})`)
    .replaceAll(String.raw`\s`, space),
  "gu",
);

/** The pieces of a text, in order; joined they are the text. */
export const pieces = (text: string): string[] => text.match(compiled) ?? [];
