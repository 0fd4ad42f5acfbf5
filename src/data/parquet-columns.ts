/**
 * The columns of a Parquet file, from the schema of its rows: lists and structs stay lists and structs, and an object
 * whose keys are not known (a call's arguments, a JSON Schema) is text of logical type JSON, which readers parse.
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { SchemaElement } from "hyparquet-writer";
import { z } from "zod";

/** What one column, field or list element holds; any of them may be null. */
export type Column =
  | { kind: "string" | "boolean" | "int32" | "int64" | "double" | "json" }
  | { kind: "list"; item: Column }
  | { kind: "struct"; fields: Map<string, Column> };

type JsonSchema = z.core.JSONSchema.BaseSchema;

const JSON_TEXT: Column = { kind: "json" };
const INT32_MAX = 2 ** 31 - 1;

/** One column for what either side holds; of structs, the fields of both. */
function merge(a: Column, b: Column): Column {
  if (a.kind === "struct" && b.kind === "struct") {
    const fields = new Map(a.fields);
    for (const [name, column] of b.fields) {
      const known = fields.get(name);
      fields.set(name, known ? merge(known, column) : column);
    }
    return { kind: "struct", fields };
  }
  if (a.kind === "list" && b.kind === "list") return { kind: "list", item: merge(a.item, b.item) };
  return a.kind === b.kind ? a : JSON_TEXT;
}

function columnOf(schema: JsonSchema): Column {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) {
    const columns = choices
      .filter((choice) => choice.type !== "null")
      .map((choice) => columnOf(choice));
    return columns.length === 0 ? JSON_TEXT : columns.reduce(merge);
  }
  const types = [schema.type ?? []].flat().filter((type: string) => type !== "null");
  switch (types.length === 1 ? types[0] : undefined) {
    case "string":
      return { kind: "string" };
    case "boolean":
      return { kind: "boolean" };
    case "number":
      return { kind: "double" };
    case "integer":
      return { kind: (schema.maximum ?? Infinity) <= INT32_MAX ? "int32" : "int64" };
    case "array":
      return schema.items === undefined ||
        typeof schema.items === "boolean" ||
        Array.isArray(schema.items)
        ? JSON_TEXT
        : { kind: "list", item: columnOf(schema.items) };
    case "object": {
      const fields = Object.entries(schema.properties ?? {});
      if (fields.length === 0) return JSON_TEXT;
      return {
        kind: "struct",
        fields: new Map(
          fields.map(([name, field]) => [
            name,
            typeof field === "boolean" ? JSON_TEXT : columnOf(field),
          ]),
        ),
      };
    }
    default:
      return JSON_TEXT;
  }
}

/** The columns of rows that `row` describes, an object. */
export function parquetColumns(row: z.ZodType): Map<string, Column> {
  const column = columnOf(z.toJSONSchema(row, { io: "input" }));
  if (column.kind !== "struct") throw new Error("rows of a Parquet file are objects");
  return column.fields;
}

/** Everything may be null: a field that some rows lack is one that is null in them. */
const OPTIONAL = { repetition_type: "OPTIONAL" } as const;

const leaves = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  json: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
  boolean: { type: "BOOLEAN" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  double: { type: "DOUBLE" },
} as const;

function elements(name: string, column: Column): SchemaElement[] {
  switch (column.kind) {
    case "list":
      return [
        {
          name,
          ...OPTIONAL,
          converted_type: "LIST",
          logical_type: { type: "LIST" },
          num_children: 1,
        },
        { name: "list", repetition_type: "REPEATED", num_children: 1 },
        ...elements("element", column.item),
      ];
    case "struct":
      return [
        { name, ...OPTIONAL, num_children: column.fields.size },
        ...[...column.fields].flatMap(([field, inner]) => elements(field, inner)),
      ];
    default:
      return [{ name, ...OPTIONAL, ...leaves[column.kind] }];
  }
}

/** Parquet's own form: the tree in preorder, beneath a root. */
export const parquetSchema = (columns: ReadonlyMap<string, Column>): SchemaElement[] => [
  { name: "root", num_children: columns.size },
  ...[...columns].flatMap(([name, column]) => elements(name, column)),
];

/** A value of JSON as the writer takes it: 64-bit integers are big. */
export function parquetValue(value: unknown, column: Column): unknown {
  if (value === null || value === undefined) return null;
  if (column.kind === "list" && Array.isArray(value))
    return value.map((item) => parquetValue(item, column.item));
  if (column.kind === "struct" && typeof value === "object")
    return Object.fromEntries(
      [...column.fields].map(([name, field]) => [
        name,
        parquetValue((value as Record<string, unknown>)[name], field),
      ]),
    );
  return column.kind === "int64" && typeof value === "number" ? BigInt(value) : value;
}
