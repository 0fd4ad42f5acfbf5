/** What pages of text on the terminal are made of. */
import { type Paint, fit, number, wrap } from "./terminal.ts";

/** Entries of a list that are printed; a book has thousands of chunks. */
const SHOWN = 8;
/** Characters of a text that are printed; most chunks are shorter. */
const MOST_TEXT = 1200;

export interface Page {
  width: number;
  paint: Paint;
}

export const heading = (text: string, { paint }: Page): string[] => ["", paint("bold", text)];

/** Names and values in two columns; what has no value is left out. */
export function facts(entries: readonly [string, string | undefined][]): string[] {
  const known = entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const column = Math.max(...known.map(([name]) => name.length)) + 2;
  return known.map(([name, value]) => `  ${name.padEnd(column)}${value}`);
}

/** A text in lines that are indented by so many columns. */
export const paragraph = (text: string, { width }: Page, indent = 2): string[] =>
  wrap(fit(text, MOST_TEXT), Math.max(20, width - indent)).map((line) =>
    `${" ".repeat(indent)}${line}`.trimEnd(),
  );

/** The first items of a list, and how many there are besides. */
export function some<T>(items: readonly T[], lines: (item: T) => string[]): string[] {
  const rest = items.length - SHOWN;
  return [
    ...items.slice(0, SHOWN).flatMap(lines),
    ...(rest > 0 ? [`  and ${number(rest)} more: --json lists all`] : []),
  ];
}
