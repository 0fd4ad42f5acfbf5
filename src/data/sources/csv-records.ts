/**
 * Records of a CSV file, streamed, with recovery: a stray quote costs its own row, not the rest of
 * the file. csv-parse judges every record; this file only decides where one record ends.
 */
import { createReadStream } from "node:fs";
import { parse } from "csv-parse/sync";
import { TwainError } from "../../core/errors.ts";
import { firstInvalidUtf8 } from "./decode-text.ts";

export type CsvRecord = { line: number; fields: string[] } | { line: number; bad: string };

/** One-line records that csv-parse gets at a time. */
const BLOCK = 256;
/** A quoted field may span this many lines; beyond that its quote was never closed. */
const MAX_LINES = 40;

/** Lines of a UTF-8 file without their end. Throws `collect/not-utf8` with the byte offset. */
async function* linesOf(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let offset = 0;
  let tail = Buffer.alloc(0);
  const check = (bytes: Buffer, final: boolean): Buffer => {
    const data = tail.length > 0 ? Buffer.concat([tail, bytes]) : bytes;
    const at = firstInvalidUtf8(data, final);
    if (at >= 0) {
      throw new TwainError(
        "collect/not-utf8",
        `${path}: byte ${offset - tail.length + at} is not UTF-8`,
        {
          hint: "Convert the file first, for instance with iconv -f windows-1252 -t utf-8.",
        },
      );
    }
    offset += bytes.length;
    let keep = 0;
    // The last character may be cut: its bytes are judged together with the next block.
    for (let back = 1; back <= Math.min(3, data.length); back++) {
      const byte = data[data.length - back]!;
      if (byte < 0x80) break;
      if (byte >= 0xc0) {
        keep = back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
        break;
      }
    }
    return data.subarray(data.length - keep);
  };
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 18 })) {
    const bytes = chunk as Buffer;
    tail = Buffer.from(check(bytes, false));
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
  }
  check(Buffer.alloc(0), true);
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

function countQuotes(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at >= 0; at = line.indexOf('"', at + 1)) count++;
  return count;
}

function parseRows(text: string): string[][] | undefined {
  try {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- csv-parse yields rows of strings without `columns`
    return parse(text, { relax_column_count: true, bom: true }) as string[][];
  } catch {
    return undefined;
  }
}

interface Pending {
  line: number;
  text: string;
}

/** One-line records, judged together as long as all are sound: a call of csv-parse costs more than a row. */
function parseBlock(block: readonly Pending[]): CsvRecord[] {
  const rows = parseRows(block.map(({ text }) => text).join("\n"));
  if (rows?.length === block.length)
    return rows.map((fields, i) => ({ line: block[i]!.line, fields }));
  return block.map(({ line, text }) => {
    const own = parseRows(text);
    return own?.length === 1 ? { line, fields: own[0]! } : { line, bad: "quotes" };
  });
}

/** All records in order, the header line first; every record has as many fields as the header or is bad. */
export async function* readCsv(path: string, signal: AbortSignal): AsyncGenerator<CsvRecord> {
  let columns: number | undefined;
  for await (const record of records(linesOf(path, signal))) {
    if ("fields" in record) {
      columns ??= record.fields.length;
      yield record.fields.length === columns ? record : { line: record.line, bad: "columns" };
    } else yield record;
  }
}

async function* records(source: AsyncGenerator<string>): AsyncGenerator<CsvRecord> {
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
      if (width === 0) width = parseRows(line)?.[0]?.length ?? 0;
      block.push({ line: number, text: line });
      if (block.length < BLOCK) continue;
      yield* parseBlock(block);
      block = [];
      continue;
    }
    yield* parseBlock(block);
    block = [];
    const lines = [line];
    let open = true;
    while (open && lines.length < MAX_LINES) {
      const more = await nextLine();
      if (more === undefined) break;
      lines.push(more);
      if (countQuotes(more) % 2 === 1) open = false;
    }
    const rows = open ? undefined : parseRows(lines.join("\n"));
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
  yield* parseBlock(block);
}
