/** Texts of one's own: plain files, and JSON Lines with a text on each line. */
import { open } from "node:fs/promises";
import { basename, extname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { Persona } from "../../core/conversation.ts";
import { type Document, DocumentKind } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { hashFile, sha256 } from "../../core/hash.ts";
import { decodeText } from "./decode-text.ts";
import type { Collected, Source } from "./source.ts";
import { findFiles } from "./find-files.ts";

const Entry = z.strictObject({
  /** A file or a folder, absolute or relative to `data.root`. */
  path: z.string().min(1),
  /** Follows every row made from the texts. */
  licence: z.string().trim().min(1),
  /** Where that is written. */
  terms: z.url().optional(),
  /** What each text is; a book is cut into passages. */
  kind: DocumentKind.exclude(["question"]),
  author: z.string().min(1).optional(),
  title: z.string().min(1).optional(),
  /** `style` teaches a voice; `neutral` is plain prose for a base model and the style classifier. */
  role: z.enum(["style", "neutral"]).optional(),
  persona: Persona.optional(),
  /** Of headlines: whether they are meant to be funny. */
  humorous: z.boolean().default(false),
});
type Entry = z.infer<typeof Entry>;

const Config = z.strictObject({
  kind: z.literal("files"),
  files: z.array(Entry).nonempty(),
  /** A larger file stops the run; it is read whole. */
  maxBytes: z
    .number()
    .int()
    .positive()
    .max(256 << 20)
    .default(32 << 20),
});
type Config = z.infer<typeof Config>;

const Row = z.looseObject({
  text: z.string(),
  title: z.string().nullish(),
  author: z.string().nullish(),
  url: z.string().nullish(),
  licence: z.string().nullish(),
});
type Row = z.infer<typeof Row>;

const MAX_BAD = 0.3;

function pathOf(path: string, root: string | undefined): string {
  if (isAbsolute(path)) return path;
  if (root !== undefined) return join(root, path);
  throw new TwainError("collect/no-root", `the path ${path} is relative and data.root is not set`, {
    hint: "Set data.root to the folder that it lies in, or give an absolute path.",
  });
}

/** What ids begin with: the path as the recipe gives it, or the last part of one that is only this machine's. */
function namesOf(entries: readonly Entry[]): string[] {
  const count = new Map<string, number>();
  return entries.map(({ path }) => {
    const name = (isAbsolute(path) ? basename(path) : path)
      .replaceAll("\\", "/")
      .replaceAll(/^(?:\.\/)+|\/+$/g, "");
    const n = (count.get(name) ?? 0) + 1;
    count.set(name, n);
    return n === 1 ? name : `${name}~${n}`;
  });
}

/** Throws `collect/too-large`, having read no more than the limit and one byte. */
async function readLimited(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) {
      throw new TwainError(
        "collect/too-large",
        `${path} has ${size} bytes, more than the limit of ${maxBytes}`,
        { hint: "Raise maxBytes of the source, or cut the file." },
      );
    }
    const parts: Buffer[] = [];
    // The file may grow while it is read.
    if (size > 0)
      for await (const part of file.createReadStream({ end: maxBytes - 1, autoClose: false }))
        parts.push(part as Buffer);
    return Buffer.concat(parts);
  } finally {
    await file.close();
  }
}

function documentOf(entry: Entry, id: string, row: Row, hash: string): Document {
  const { author, title } = { author: row.author || entry.author, title: row.title || entry.title };
  return {
    id,
    kind: entry.kind,
    text: row.text,
    source: "files",
    ...(row.url && /^https?:\/\//.test(row.url) && { url: row.url }),
    licence: row.licence?.trim() || entry.licence,
    ...(author && { author }),
    ...(title && { title }),
    sha256: hash,
    synthetic: false,
    extra: {
      ...(entry.terms && { terms: entry.terms }),
      ...(entry.role && { role: entry.role }),
      ...(entry.persona && { persona: entry.persona }),
      ...(entry.kind === "headline" && { humorous: entry.humorous }),
    },
  };
}

/** A row, or why the line gives none. */
function parseRow(line: string): Row | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return "not JSON";
  }
  const parsed = Row.safeParse(value);
  if (parsed.success) return parsed.data.text.trim() === "" ? "no text" : parsed.data;
  const field = parsed.error.issues[0]?.path[0];
  return field === undefined
    ? "not an object"
    : field === "text"
      ? "no text"
      : `bad ${String(field)}`;
}

/** Throws `collect/too-many-bad-rows`. */
function* rowsOf(entry: Entry, id: string, path: string, text: string): Generator<Collected> {
  let rows = 0;
  let line = 0;
  const bad = new Map<string, number>();
  for (let start = 0; start < text.length;) {
    const end = text.indexOf("\n", start);
    const content = text.slice(start, end < 0 ? undefined : end).trim();
    start = end < 0 ? text.length : end + 1;
    line++;
    if (content === "") continue;
    rows++;
    const row = parseRow(content);
    if (typeof row === "string") {
      bad.set(row, (bad.get(row) ?? 0) + 1);
      yield { type: "bad", reason: row, at: `${path}:${line}` };
    } else {
      yield {
        type: "document",
        document: documentOf(entry, `${id}:${line}`, row, sha256(row.text)),
      };
    }
  }
  const lost = [...bad.values()].reduce((sum, count) => sum + count, 0);
  if (lost > rows * MAX_BAD) {
    const reasons = [...bad].map(([reason, count]) => `${count} ${reason}`).join(", ");
    throw new TwainError(
      "collect/too-many-bad-rows",
      `${path}: ${lost} of ${rows} rows cannot be used (${reasons})`,
      { hint: 'Each line must be a JSON object with a "text".' },
    );
  }
}

export const files: Source<Config> = {
  kind: "files",
  schema: Config,

  async inputs(config, { root }) {
    const found: [string, string][] = [];
    try {
      for (const { path } of config.files)
        for await (const file of findFiles(pathOf(path, root)))
          found.push([file.name, "bad" in file ? file.bad : (await hashFile(file.path)).sha256]);
    } catch {
      // What is missing or refused is reported by `collect`, with its hint.
      return null;
    }
    return found;
  },

  async *collect(config, { root, signal }) {
    const names = namesOf(config.files);
    for (const [i, entry] of config.files.entries()) {
      for await (const file of findFiles(pathOf(entry.path, root))) {
        signal.throwIfAborted();
        const { path } = file;
        if ("bad" in file) {
          yield { type: "bad", reason: file.bad, at: path };
          continue;
        }
        const id = `files:${names[i]!}${file.name && "/"}${file.name}`;
        const bytes = await readLimited(path, config.maxBytes);
        const { text } = decodeText(bytes);
        if (text.trim() === "") yield { type: "bad", reason: "empty file", at: path };
        else if (text.includes("\0")) yield { type: "bad", reason: "not text", at: path };
        else if (extname(path).toLowerCase() === ".jsonl") yield* rowsOf(entry, id, path, text);
        else yield { type: "document", document: documentOf(entry, id, { text }, sha256(bytes)) };
      }
      yield { type: "progress", label: entry.path, done: i + 1, total: config.files.length };
    }
  },
};
