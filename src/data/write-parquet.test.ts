/** Read back by hyparquet, which shares no code with the writer's encoder; docs/exports.md says who else has read them. */
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { isJsonObject } from "../core/json.ts";
import { PreferenceRow } from "../core/preference.ts";
import { exportFormats } from "./exports/index.ts";
import { conversations } from "./exports/test-conversations.ts";
import { reason, written } from "./exports/test-write.ts";
import { TokenizedRow } from "./exports/trl-tokenized.ts";
import { type Column, parquetColumns } from "./parquet-columns.ts";
import { writeParquet } from "./write-parquet.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-parquet-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function* streamOf<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

async function write(columns: Map<string, Column>, rows: Iterable<unknown>): Promise<string> {
  const path = join(folder, "rows.parquet");
  await writeParquet(path, columns, streamOf(rows));
  return path;
}
const read = async (path: string): Promise<unknown[]> =>
  parquetReadObjects({ file: await asyncBufferFromFile(path) });

/** As a row of JSON has it: a field of a struct that is null is not there. */
function withoutNulls(value: unknown, column: Column): unknown {
  if (column.kind === "list" && Array.isArray(value))
    return value.map((item) => withoutNulls(item, column.item));
  if (column.kind === "struct" && isJsonObject(value))
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== null && member !== undefined)
        .map(([name, member]) => [name, withoutNulls(member, column.fields.get(name)!)]),
    );
  return typeof value === "bigint" ? Number(value) : value;
}

describe.each(exportFormats.map((format) => [format.name, format] as const))(
  "%s",
  (_name, format) => {
    test("a file holds the rows of its JSON lines, whatever stands in them", async () => {
      const columns = parquetColumns(format.row);
      const whole: Column = { kind: "struct", fields: columns };
      await fc.assert(
        fc.asyncProperty(
          fc.array(
            conversations(fc.constant(null)).filter((row) => reason(format, row) === undefined),
            { minLength: 1, maxLength: 4 },
          ),
          async (made) => {
            const rows = made.map((row) => written(format, row));
            const back = await read(await write(columns, rows));
            expect(back.map((row) => withoutNulls(row, whole))).toEqual(
              rows.map((row) => withoutNulls(row, whole)),
            );
          },
        ),
        { numRuns: 10 },
      );
    });
  },
);

test("what is known of a row is typed, what is not is JSON", () => {
  const kinds = (column: Column): unknown =>
    column.kind === "list"
      ? [kinds(column.item)]
      : column.kind === "struct"
        ? Object.fromEntries([...column.fields].map(([name, field]) => [name, kinds(field)]))
        : column.kind;
  const of = (row: z.ZodType): unknown => kinds({ kind: "struct", fields: parquetColumns(row) });
  expect(of(TokenizedRow)).toEqual({
    input_ids: ["int32"],
    attention_mask: ["int32"],
    labels: ["int32"],
  });
  const messages = [
    {
      role: "string",
      content: "string",
      tool_calls: [
        { id: "string", type: "string", function: { name: "string", arguments: "string" } },
      ],
      tool_call_id: "string",
      name: "string",
    },
  ];
  expect(of(PreferenceRow)).toMatchObject({
    prompt: messages,
    chosen: messages,
    tools: [
      { type: "string", function: { name: "string", description: "string", parameters: "json" } },
    ],
    tags: { synthetic: "boolean" },
    meta: { parents: ["string"] },
  });
  const mixed = z.object({
    either: z.union([z.string(), z.array(z.string())]),
    figure: z.number().nullable(),
    count: z.int(),
    any: z.json(),
  });
  expect(of(mixed)).toEqual({ either: "json", figure: "double", count: "int64", any: "json" });
});

test("values at the edges of their types", async () => {
  const columns = parquetColumns(z.object({ big: z.int(), half: z.number(), small: z.int32() }));
  const rows = [
    { big: Number.MAX_SAFE_INTEGER, half: 0.5, small: -(2 ** 31) },
    { big: -1, half: -0, small: 2 ** 31 - 1 },
  ];
  expect(await read(await write(columns, rows))).toEqual(
    rows.map((row) => ({ ...row, big: BigInt(row.big) })),
  );
});

describe("row groups", () => {
  const columns = parquetColumns(z.object({ id: z.int32(), text: z.string() }));
  const groups = async (path: string): Promise<number[]> => {
    const { row_groups } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    return row_groups.map(({ num_rows }) => Number(num_rows));
  };

  test("end by rows or by size, so that memory holds one", async () => {
    const short = await write(
      columns,
      Array.from({ length: 45_000 }, (_, id) => ({ id, text: "x" })),
    );
    expect(await groups(short)).toEqual([20_000, 20_000, 5000]);
    const text = "long ".repeat(1 << 19);
    const long = await write(
      columns,
      Array.from({ length: 15 }, (_, id) => ({ id, text })),
    );
    expect(await groups(long)).toEqual([7, 7, 1]);
    expect(await read(long)).toHaveLength(15);
  });

  test("none for no rows, and the same rows give the same bytes", async () => {
    const none = await write(columns, []);
    expect(await groups(none)).toEqual([]);
    expect(await read(none)).toEqual([]);
    const rows = [{ id: 1, text: "x" }];
    const first = await readFile(await write(columns, rows));
    expect(await readFile(await write(columns, rows))).toEqual(first);
  });
});

test("a failure while writing leaves no file", async () => {
  const columns = parquetColumns(z.object({ id: z.string() }));
  const path = join(folder, "broken.parquet");
  async function* broken(): AsyncGenerator<unknown> {
    yield { id: "a" };
    throw new Error("the source broke off");
  }
  await expect(writeParquet(path, columns, broken())).rejects.toThrow("the source broke off");
  expect((await readdir(folder)).filter((name) => name.startsWith("broken"))).toEqual([]);
});
