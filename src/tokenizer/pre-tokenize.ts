/**
 * How text is cut into pieces before they are looked up. Made for small models that must copy names and numbers:
 * - digits in twos, with the sign: a temperature is one piece, read and copied whole, and a date four;
 * - a JSON key with its quotes and colon is one piece, so that a value stands right behind its key's;
 * - letters and underscores in one run, so that `get_current_weather` is one piece;
 * - the space before a word belongs to the word, except before a capital letter and before a word
 *   that calls and results repeat: ` Hannibal` in a question and `"Hannibal` in a call then have the
 *   same tokens, and copying is the identity; between two names of a list, ", " is one piece;
 * - other punctuation in runs, line ends apart.
 */

/** Words that stand after a space in a sentence and after a quote in JSON, and mean the same in both. */
const repeated = [
  "today|tonight|tomorrow|monday|tuesday|wednesday|thursday|friday|saturday|sunday",
  "clear|mostly|scattered|overcast|fog|freezing|light|steady|heavy|drizzle|snow|rain|thunderstorms",
].join("|");

/** `{"location":"`, `","date":"`, `,"low":`: a key with the marks around it, up to where its value begins. */
const jsonKey = String.raw`(?:"?,|\{)?"\p{Ll}[\p{Ll}_]*":"?`;
const number = String.raw`-?\p{N}{1,2}`;

/** Oniguruma syntax, as tokenizer.json has it; the alternatives cover every character. */
export const pieceRegex = [
  jsonKey,
  String.raw`['’](?:s|t|re|ve|m|ll|d)(?![\p{L}\p{M}_])`,
  String.raw`, (?=[\p{Lu}\p{Lt}])`,
  String.raw`[\p{Lu}\p{Lt}][\p{L}\p{M}_]*`,
  String.raw` (?=(?:${repeated})(?![\p{L}\p{M}_]))`,
  String.raw` ?(?![\p{Lu}\p{Lt}])[\p{L}\p{M}_]+`,
  number,
  String.raw` ?(?:(?!${jsonKey}|-\p{N})[^\s\p{L}\p{M}\p{N}_])+`,
  String.raw`[\r\n]+`,
  // A run of blanks leaves its last one to the word that follows.
  String.raw`[^\S\r\n]+(?!\S)`,
  String.raw`[^\S\r\n]+`,
].join("|");

/** Every ASCII piece that `number` can match: few enough to be tokens, all of them. */
export const numberPieces: readonly string[] = ["", "-"].flatMap((sign) => [
  ...Array.from({ length: 10 }, (_, n) => `${sign}${n}`),
  ...Array.from({ length: 100 }, (_, n) => `${sign}${String(n).padStart(2, "0")}`),
]);

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
