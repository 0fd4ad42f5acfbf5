/**
 * Records of a CSV file, streamed, with recovery: a stray quote costs its own row, not the rest of
 * the file. csv-parse judges every record; this file only decides where one record ends.
 */
import { parse } from "csv-parse/sync";
import { linesOf } from "./utf8-lines.ts";

export type CsvRecord = { line: number; fields: string[] } | { line: number; bad: string };

/** One-line records that csv-parse gets at a time. */
const BLOCK = 256;

export interface CsvOptions {
  delimiter?: string;
  /** A quoted field may span this many lines; beyond that its quote was never closed. */
  maxLines?: number;
}

function countQuotes(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) count++;
  return count;
}

function parseRows(text: string, delimiter: string): string[][] | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- csv-parse yields rows of strings without `columns`
    return parse(text, { relax_column_count: true, bom: true, delimiter }) as string[][];
  } catch {
    return undefined;
  }
}

interface Pending {
  line: number;
  text: string;
}

/** One-line records, judged together as long as all are sound: a call of csv-parse costs more than a row. */
function parseBlock(block: readonly Pending[], delimiter: string): CsvRecord[] {
  const rows = parseRows(block.map(({ text }) => text).join("\n"), delimiter);
  if (rows?.length === block.length)
    return rows.map((fields, i) => ({ line: block[i]!.line, fields }));
  return block.map(({ line, text }) => {
    const own = parseRows(text, delimiter);
    return own?.length === 1 ? { line, fields: own[0]! } : { line, bad: "quotes" };
  });
}

/** All records in order, the header line first; every record has as many fields as the header or is bad. */
export async function* readCsv(
  path: string,
  signal: AbortSignal,
  { delimiter = ",", maxLines = 40 }: CsvOptions = {},
): AsyncGenerator<CsvRecord> {
  let columns: number | undefined;
  for await (const record of records(linesOf(path, signal), delimiter, maxLines)) {
    if ("fields" in record) {
      columns ??= record.fields.length;
      yield record.fields.length === columns ? record : { line: record.line, bad: "columns" };
    } else yield record;
  }
}

async function* records(
  source: AsyncGenerator<string>,
  delimiter: string,
  maxLines: number,
): AsyncGenerator<CsvRecord> {
  let width = 0;
  /** Lines that were read ahead for a record that turned out to be none. */
  let queue: string[] = [];
  let block: Pending[] = [];
  const nextLine = async (): Promise<string | undefined> => {
    if (queue.length > 0) return queue.shift();
    const next = await source.next();
    return next.done ? undefined : next.value;
  };
  let number = 0;
  for (let line = await nextLine(); line !== undefined; line = await nextLine()) {
    number++;
    if (line === "") continue;
    if (countQuotes(line) % 2 === 0) {
      // Of the header: it decides how wide a record is.
      if (width === 0) width = parseRows(line, delimiter)?.[0]?.length ?? 0;
      block.push({ line: number, text: line });
      if (block.length < BLOCK) continue;
      yield* parseBlock(block, delimiter);
      block = [];
      continue;
    }
    yield* parseBlock(block, delimiter);
    block = [];
    const lines = [line];
    let open = true;
    while (open && lines.length < maxLines) {
      const more = await nextLine();
      if (more === undefined) break;
      lines.push(more);
      if (countQuotes(more) % 2 === 1) open = false;
    }
    const rows = open ? undefined : parseRows(lines.join("\n"), delimiter);
    // A quote that was closed by another row's opens a record of the wrong width.
    if (rows?.length === 1 && (width === 0 || rows[0]!.length === width)) {
      yield { line: number, fields: rows[0]! };
      number += lines.length - 1;
    } else {
      // Only the first line is at fault; what was read ahead gets its own chance.
      yield { line: number, bad: "unclosed quote" };
      queue = [...lines.slice(1), ...queue];
    }
  }
  yield* parseBlock(block, delimiter);
}
