/** What the commands know of the terminal: colour, width, numbers and times in words. */
import { styleText } from "node:util";

/** The part of a stream that output needs, so that tests can stand in for a terminal. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Node's own answer: heeds NO_COLOR, FORCE_COLOR and TERM. */
  hasColors?(): boolean;
}

export type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Colours where the stream shows them, plain text elsewhere. */
export const painter = (output: Output): Paint =>
  output.isTTY && output.hasColors?.()
    ? (style, text) => styleText(style, text)
    : (_, text) => text;

/** Columns to write in; 80 where the output is no terminal. */
export const widthOf = (output: Output): number => Math.max(40, output.columns ?? 80);

/** `text` in at most `width` columns, with an ellipsis where it was cut. Expects no escape codes. */
export function fit(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width
    ? text
    : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}

/** Lines of at most `width` columns, broken at blanks; the text's own line ends stay. */
export function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

export const number = (value: number): string => value.toLocaleString("en");

/** 9,812 → "9.8k". */
export function short(value: number): string {
  if (value < 1000) return String(Math.round(value));
  if (value < 1e6) return `${(value / 1e3).toPrecision(value < 1e4 ? 2 : 3)}k`;
  return value < 1e9 ? `${(value / 1e6).toPrecision(3)}M` : `${(value / 1e9).toPrecision(3)}B`;
}

/** "0.4 s", "12 s", "3 min 12 s", "2 h 05 min". */
export function duration(seconds: number): string {
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** "1.5 GB". */
export function bytes(count: number): string {
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}
