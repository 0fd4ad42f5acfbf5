/**
 * Records of a CSV file, streamed, with recovery: a stray quote costs its own row, not the rest of
 * the file. csv-parse judges every record; this file only decides where one record ends.
 */
import { createReadStream } from "node:fs";
import { parse } from "csv-parse/sync";
import { TwainError } from "../../core/errors.ts";
import { firstInvalidUtf8 } from "./decode-text.ts";

export type CsvRecord = { line: number; fields: string[] } | { line: number; bad: string };

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

/** Fields of one record, or why it is none. */
function parseRecord(text: string, columns: number | undefined): string[] | string {
  try {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-type-assertion -- csv-parse yields rows of strings without `columns`
    const rows = parse(text, { relax_column_count: true, bom: true }) as string[][];
    if (rows.length !== 1) return "quotes";
    return columns !== undefined && rows[0]!.length !== columns ? "columns" : rows[0]!;
  } catch {
    return "quotes";
  }
}

/** All records in order, the header line first; every record has as many fields as the header or is bad. */
export async function* readCsv(path: string, signal: AbortSignal): AsyncGenerator<CsvRecord> {
  const source = linesOf(path, signal);
  /** Lines that were read ahead for a record that turned out to be none. */
  const queue: string[] = [];
  const nextLine = async (): Promise<string | undefined> => {
    if (queue.length > 0) return queue.shift();
    const next = await source.next();
    return next.done ? undefined : next.value;
  };
  let columns: number | undefined;
  let number = 0;
  for (let line = await nextLine(); line !== undefined; line = await nextLine()) {
    number++;
    if (line === "") continue;
    const lines = [line];
    let open = countQuotes(line) % 2 === 1;
    while (open && lines.length < MAX_LINES) {
      const more = await nextLine();
      if (more === undefined) break;
      lines.push(more);
      if (countQuotes(more) % 2 === 1) open = false;
    }
    // The common row has no quote at all: a split is exact there, and ten times faster.
    const fields =
      lines.length === 1 && !line.includes('"')
        ? splitPlain(line, columns)
        : parseRecord(lines.join("\n"), columns);
    if (typeof fields === "string") {
      yield { line: number, bad: lines.length > 1 ? "unclosed quote" : fields };
      // Only the first line is at fault; what was read ahead gets its own chance.
      queue.unshift(...lines.slice(1));
      continue;
    }
    yield { line: number, fields };
    columns ??= fields.length;
    number += lines.length - 1;
  }
}

function splitPlain(line: string, columns: number | undefined): string[] | string {
  const fields = (line.startsWith("\uFEFF") ? line.slice(1) : line).split(",");
  return columns !== undefined && fields.length !== columns ? "columns" : fields;
}
