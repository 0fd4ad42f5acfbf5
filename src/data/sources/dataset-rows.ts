/** The rows of one file of a dataset, whatever its format: JSONL, a JSON array, CSV, TSV or Parquet. */
import { open, readFile } from "node:fs/promises";
import { extname } from "node:path";
import { TwainError } from "../../core/errors.ts";
import { readCsv } from "./csv-records.ts";
import { openParquet } from "./parquet-rows.ts";
import { linesOf } from "./utf8-lines.ts";

/** `at` is the line of a text file (the header is line 1), or the number of the row. */
export type DatasetRow = { at: number; row: Record<string, unknown> } | { at: number; bad: string };

export interface DatasetFile {
  columns: string[];
  rows(columns: readonly string[]): AsyncGenerator<DatasetRow>;
}

export const DATASET_EXTENSIONS = [".parquet", ".jsonl", ".ndjson", ".csv", ".tsv", ".json"];

/** Rows of JSONL in which columns are looked for. */
const HEAD = 1000;
/** A JSON array is read whole. */
const MAX_JSON = 64 << 20;
/** Lines of a quoted field. */
const MAX_LINES = 500;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

async function* jsonLines(path: string, signal: AbortSignal): AsyncGenerator<DatasetRow> {
  let at = 0;
  for await (const line of linesOf(path, signal)) {
    at++;
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      yield { at, bad: "not JSON" };
      continue;
    }
    yield isRecord(value) ? { at, row: value } : { at, bad: "not an object" };
  }
}

/** Throws `collect/too-large` and `collect/bad-dataset`. */
async function* jsonArray(path: string): AsyncGenerator<DatasetRow> {
  const file = await open(path);
  const { size } = await file.stat().finally(() => file.close());
  if (size > MAX_JSON)
    throw new TwainError("collect/too-large", `${path} has ${size} bytes, more than ${MAX_JSON}`, {
      hint: "Write it as JSONL: a JSON array is read whole.",
    });
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value))
    throw new TwainError("collect/bad-dataset", `${path} is no JSON array of rows`);
  for (const [i, row] of value.entries())
    yield isRecord(row) ? { at: i + 1, row } : { at: i + 1, bad: "not an object" };
}

/** A file whose rows name their own columns: those of the first thousand rows count. */
async function ofObjects(make: () => AsyncGenerator<DatasetRow>): Promise<DatasetFile> {
  const columns = new Set<string>();
  let seen = 0;
  for await (const each of make()) {
    if ("row" in each) for (const name of Object.keys(each.row)) columns.add(name);
    if (++seen >= HEAD) break;
  }
  return { columns: [...columns], rows: make };
}

async function openCsv(path: string, delimiter: string, signal: AbortSignal): Promise<DatasetFile> {
  const read = (): ReturnType<typeof readCsv> =>
    readCsv(path, signal, { delimiter, maxLines: MAX_LINES });
  let columns: string[] = [];
  for await (const record of read()) {
    columns = "fields" in record ? record.fields : [];
    break;
  }
  return {
    columns,
    async *rows() {
      let header = true;
      for await (const record of read()) {
        if (header) header = false;
        else if ("bad" in record) yield { at: record.line, bad: record.bad };
        else
          yield {
            at: record.line,
            row: Object.fromEntries(columns.map((name, i) => [name, record.fields[i]])),
          };
      }
    },
  };
}

async function beginsArray(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return /^\uFEFF?\s*\[/.test(buffer.toString("utf8", 0, bytesRead));
  } finally {
    await file.close();
  }
}

/** `name` says by its end what the format is; a download has another path. Throws `collect/bad-dataset`, `not-utf8`. */
export async function openDataset(
  path: string,
  name: string,
  signal: AbortSignal,
): Promise<DatasetFile> {
  const extension = extname(name).toLowerCase();
  if (extension === ".parquet") {
    const file = await openParquet(path);
    return {
      columns: file.columns,
      async *rows(columns) {
        let at = 0;
        for await (const row of file.rows(columns)) yield { at: ++at, row };
      },
    };
  }
  if (extension === ".csv") return openCsv(path, ",", signal);
  if (extension === ".tsv") return openCsv(path, "\t", signal);
  // A .json file is as often one of lines.
  if (extension === ".json" && (await beginsArray(path))) return ofObjects(() => jsonArray(path));
  return ofObjects(() => jsonLines(path, signal));
}
