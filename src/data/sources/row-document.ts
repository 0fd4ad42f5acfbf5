/** A row of a dataset as a document, by the columns that the recipe names. */
import { z } from "zod";
import { type Document, DocumentKind } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { sha256 } from "../../core/hash.ts";
import { Persona } from "../../core/conversation.ts";
import { nearest } from "../../core/recipe-errors.ts";

const column = z.string().min(1);

/** Which column holds what; `a.b` is field b of an object in column a. */
export const ColumnNames = z
  .strictObject({
    text: column.optional(),
    /** Of jokes in two parts, instead of `text`. */
    setup: column.optional(),
    punchline: column.optional(),
    /** Of answers: what was asked. */
    question: column.optional(),
    title: column.optional(),
    author: column.optional(),
    url: column.optional(),
    licence: column.optional(),
    year: column.optional(),
    id: column.optional(),
  })
  .refine(
    ({ text, setup, punchline }) =>
      text !== undefined ? !setup && !punchline : setup !== undefined && punchline !== undefined,
    "either text, or setup and punchline",
  );
export type ColumnNames = z.infer<typeof ColumnNames>;

/** What a recipe says of all rows of a dataset. */
export const RowDefaults = z.strictObject({
  /** What each text is; a book is cut into passages. */
  kind: DocumentKind,
  columns: ColumnNames,
  author: z.string().min(1).optional(),
  /** `style` teaches a voice; `neutral` is plain prose for a base model and the style classifier. */
  role: z.enum(["style", "neutral"]).optional(),
  persona: Persona.optional(),
  /** Of headlines: whether they are meant to be funny. */
  humorous: z.boolean().default(false),
});
export type RowDefaults = z.infer<typeof RowDefaults>;

/** Own fields only: `constructor.name` is no column. */
function valueAt(row: Record<string, unknown>, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  let value: unknown = row;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** The column of the file that a name of the recipe leads to; undefined where there is none. */
const columnOf = (name: string, columns: readonly string[]): string | undefined =>
  columns.includes(name) ? name : columns.find((each) => name.startsWith(`${each}.`));

/** The columns of a file that are to be read. Throws `collect/bad-columns`, which lists those that there are. */
export function neededColumns(
  names: ColumnNames,
  columns: readonly string[],
  path: string,
): string[] {
  const wanted = Object.values(names).filter((name) => name !== undefined);
  const missing = wanted.filter((name) => columnOf(name, columns) === undefined);
  if (missing.length > 0) {
    const guess = nearest(missing[0]!, columns);
    const shown = columns.slice(0, 50).map((name) => name.slice(0, 80));
    throw new TwainError(
      "collect/bad-columns",
      `${path} has no column ${missing.join(", ")}; it has ${shown.join(", ") || "none"}${columns.length > 50 ? `, and ${columns.length - 50} more` : ""}`,
      {
        hint: guess ? `Did you mean ${guess}?` : "Correct columns of the dataset in data.sources.",
      },
    );
  }
  return [...new Set(wanted.map((name) => columnOf(name, columns)!))];
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;

/** An id or a year may be a number. */
const wordOf = (value: unknown): string | undefined =>
  typeof value === "number" || typeof value === "bigint" ? String(value) : textOf(value);

/** A document, or why the row gives none. `at` names the row where the recipe names no column of ids. */
export function rowDocument(
  row: Record<string, unknown>,
  defaults: RowDefaults,
  from: {
    source: string;
    idPrefix: string;
    at: string;
    licence: string;
    url?: string;
    fetchedAt?: string;
    extra: Document["extra"];
  },
): Document | string {
  const { columns, kind } = defaults;
  const field = (name: keyof ColumnNames): unknown => {
    const path = columns[name];
    return path === undefined ? undefined : valueAt(row, path);
  };
  const setup = textOf(field("setup"));
  const punchline = textOf(field("punchline"));
  const text =
    columns.text === undefined
      ? setup && punchline && `${setup}\n${punchline}`
      : textOf(field("text"));
  if (!text) return columns.text === undefined ? "no setup or punchline" : "no text";
  if (text.includes("\0")) return "not text";
  const own = wordOf(field("id"));
  if (columns.id !== undefined && own === undefined) return "no id";
  const author = textOf(field("author")) ?? defaults.author;
  const title = textOf(field("title"));
  const question = textOf(field("question"));
  const link = textOf(field("url")) ?? from.url;
  const year = /^-?\d{1,4}(?=\b|\D)/.exec(wordOf(field("year")) ?? "")?.[0];
  return {
    id: `${from.idPrefix}:${own ?? from.at}`,
    kind,
    text,
    source: from.source,
    ...(link && /^https?:\/\//.test(link) && { url: link }),
    licence: textOf(field("licence")) ?? from.licence,
    ...(author && { author }),
    ...(title && { title }),
    ...(year !== undefined && { year: Number(year) }),
    sha256: sha256(text),
    ...(from.fetchedAt && { fetchedAt: from.fetchedAt }),
    synthetic: false,
    extra: {
      ...from.extra,
      ...(defaults.role && { role: defaults.role }),
      ...(defaults.persona && { persona: defaults.persona }),
      ...(kind === "headline" && { humorous: defaults.humorous }),
      ...(setup && punchline && { setup, punchline }),
      ...(question && { question }),
    },
  };
}
