/** Books of Project Gutenberg, from a folder in the layout of its mirrors or, where allowed, from a mirror. */
import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Persona } from "../../core/conversation.ts";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { hashFile, sha256 } from "../../core/hash.ts";
import { decodeText } from "./decode-text.ts";
import {
  END_MARKER,
  SMALL_PRINT_END,
  START_MARKER,
  readHeader,
  sameAuthor,
  sameTitle,
} from "./gutenberg-header.ts";
import { findBooks } from "./gutendex.ts";
import { createManners } from "./manners.ts";
import { type PoliteFetch, createPoliteFetch } from "./polite-fetch.ts";
import type { Source } from "./source.ts";

/** What a recipe says of a book beside its name. */
const Use = z.strictObject({
  /** `style` teaches a voice; `neutral` is plain prose for a base model and the style classifier. */
  role: z.enum(["style", "neutral"]),
  persona: Persona.exclude(["neutral"]).optional(),
});
const Work = Use.extend({
  /** Left out, the catalogue is asked for it. */
  id: z.number().int().positive().optional(),
  title: z.string().min(1),
  author: z.string().min(1),
  /** A sentence that the text is to begin with, where an editor's introduction stands before it. */
  from: z.string().min(1).optional(),
  /** A sentence that it is to end with: the first such after `from`. */
  until: z.string().min(1).optional(),
});
/** A work whose id is known. */
type Work = z.infer<typeof Work> & { id: number };

const Author = Use.extend({
  author: z.string().min(1),
  /** The most read of them. */
  atMost: z.number().int().min(1).max(200),
  /** Ids that are left out: collections of works that stand alone, too. */
  except: z.array(z.number().int().positive()).default([]),
});

const address = z.url({ protocol: /^https?$/ });
const Config = z
  .strictObject({
    kind: z.literal("gutenberg"),
    /** An http(s) address or a folder; by default `<data.root>/gutenberg`, or the public mirror. Of several addresses the first that has a book. */
    mirror: z.union([z.string(), z.array(address).nonempty()]).optional(),
    delaySeconds: z.number().nonnegative().default(2),
    works: z.array(Work).default([]),
    /** Books that the catalogue has of an author. */
    authors: z.array(Author).default([]),
    /** A gutendex; only asked where a work has no id, and for authors. */
    catalogue: address.default("https://gutendex.com"),
    /** Of books that the catalogue is asked for. */
    language: z.string().length(2).default("en"),
  })
  .refine(({ works, authors }) => works.length + authors.length > 0, "no works and no authors");
type Config = z.infer<typeof Config>;

const LICENCE = "public domain in the USA (Project Gutenberg)";
const TERMS = "https://www.gutenberg.org/policy/terms_of_use.html";
const PUBLIC_MIRROR = "https://gutenberg.pglaf.org";
/** A book has at least this many characters between its markers; less is an error page or a stub. */
const MIN_BODY = 2000;

/** Of a looked-up book: reasons to go on with the next one. */
const DROPPED: Partial<Record<string, string>> = {
  "collect/wrong-title": "its file names another book",
  "collect/truncated-book": "truncated",
  "collect/missing-book": "no plain text",
};
/** Of a mirror: reasons to ask the next one. */
const PASSED_ON = new Set(["collect/unreachable", "collect/refused", "collect/robots-refused"]);

const isAddress = (mirror: string): boolean => /^https?:\/\//.test(mirror);
/** What the catalogue knew a month ago it will know today. */
const CATALOGUE_HOURS = 24 * 30;

/** Paths of one book below the root of a mirror, most wanted first: UTF-8, Latin-1, ASCII; three layouts. */
function candidates(id: number): string[] {
  const digits = String(id);
  const nested = [...(digits.length > 1 ? digits.slice(0, -1) : "0"), digits].join("/");
  const names = [`${id}-0.txt`, `${id}-8.txt`, `${id}.txt`];
  return [
    ...names.map((name) => `${nested}/${name}`),
    ...names.map((name) => `${id}/${name}`),
    `cache/epub/${id}/pg${id}.txt`,
  ];
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

/** The folder that the config leads to, or undefined where the books must be downloaded. */
async function localRoot(config: Config, root: string | undefined): Promise<string | undefined> {
  if (Array.isArray(config.mirror)) return undefined;
  if (config.mirror) {
    if (isAddress(config.mirror)) return undefined;
    if (await isFolder(config.mirror)) return config.mirror;
    throw new TwainError("collect/no-mirror", `the mirror ${config.mirror} is not a folder`, {
      hint: "Give a folder in the layout of the Gutenberg mirrors, or an http(s) address.",
    });
  }
  const folder = root && join(root, "gutenberg");
  return folder && (await isFolder(folder)) ? folder : undefined;
}

async function localFile(folder: string, id: number): Promise<string | undefined> {
  for (const path of candidates(id)) {
    const full = join(folder, path);
    if (
      await access(full).then(
        () => true,
        () => false,
      )
    )
      return full;
  }
  return undefined;
}

/** Throws `collect/wrong-title` or `collect/truncated-book`; `at` is where the file came from. */
export function checkBook(
  text: string,
  work: { id: number; title: string; author: string },
  at: string,
): void {
  const header = readHeader(text);
  const named = [header.title, header.author].filter(Boolean).join(" by ");
  const known = header.title !== undefined && header.author !== undefined;
  // A file without a header of its own must at least open with its title.
  const fits = known
    ? sameTitle(work.title, header.title!) && sameAuthor(work.author, header.author!)
    : text.slice(0, 5000).toLowerCase().includes(work.title.toLowerCase());
  if (!fits) {
    throw new TwainError(
      "collect/wrong-title",
      `${at} is ${named ? `"${named}"` : "no book that names itself"}, but the recipe calls ${work.id} "${work.title}" by ${work.author}`,
      {
        hint: "Correct the id or the title in data.sources; ids are easily mistaken for one another.",
      },
    );
  }
  const lines = text.split(/\r?\n/);
  const start = lines.findLastIndex(
    (line, i) =>
      i < Math.max(400, lines.length * 0.15) &&
      (START_MARKER.test(line) || SMALL_PRINT_END.test(line)),
  );
  const end = lines.findIndex((line, i) => i > start && END_MARKER.test(line));
  const body = lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
  // Early etexts and cleaned files have no marker at their end.
  const complete = end >= 0 || start < 0 || SMALL_PRINT_END.test(lines[start]!);
  if (!complete || body.length < MIN_BODY) {
    throw new TwainError(
      "collect/truncated-book",
      `${at}: ${complete ? `only ${body.length} characters of text` : `no end marker in ${text.length} characters`}`,
      {
        hint: "Delete the file and fetch it again.",
      },
    );
  }
}

/** The part of a book between two of its sentences, both included. Throws `collect/no-such-sentence`. */
function partOf(text: string, { id, title, from, until }: Work): string {
  const find = (sentence: string, after: number): { start: number; end: number } => {
    // Lines break wherever the page was full.
    const words = sentence.trim().split(/\s+/);
    const literal = words.map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    const pattern = new RegExp(literal.join(String.raw`\s+`), "g");
    pattern.lastIndex = after;
    const found = pattern.exec(text);
    if (found) return { start: found.index, end: pattern.lastIndex };
    throw new TwainError(
      "collect/no-such-sentence",
      `${id} (${title}) does not hold "${sentence}"`,
      {
        hint: "Correct works[].from or works[].until in data.sources: each is a sentence as it stands in the file.",
      },
    );
  };
  const begin = from === undefined ? undefined : find(from, 0);
  const end = until === undefined ? undefined : find(until, begin?.end ?? 0);
  return text.slice(begin?.start, end?.end);
}

function toDocument(work: Work, bytes: Uint8Array, at: string, fetchedAt?: string): Document {
  const { text: file } = decodeText(bytes);
  checkBook(file, work, at);
  const text = partOf(file, work);
  return {
    id: `gutenberg:${work.id}`,
    kind: "book",
    text,
    source: "gutenberg",
    url: `https://www.gutenberg.org/ebooks/${work.id}`,
    licence: LICENCE,
    author: work.author,
    title: work.title,
    sha256: sha256(bytes),
    ...(fetchedAt && { fetchedAt }),
    synthetic: false,
    extra: {
      role: work.role,
      ...(work.persona && { persona: work.persona }),
      gutenberg_id: work.id,
      terms: TERMS,
    },
  };
}

const missing = (work: Work, at: string): TwainError =>
  new TwainError("collect/missing-book", `${at} has no text of ${work.id} (${work.title})`, {
    hint: `Expected one of ${candidates(work.id).join(", ")}.`,
  });

type GetBook = (work: Work) => Promise<{ bytes: Uint8Array; fetchedAt?: string; at: string }>;

const networkOff = (what: string): TwainError =>
  new TwainError("collect/network-off", `${what} and the network is off`, {
    hint: "Give data.root with a gutenberg/ folder in the mirrors' layout and ids for all works, or allow downloads with data.network=true.",
  });

const fromFolder =
  (folder: string): GetBook =>
  async (work) => {
    const path = await localFile(folder, work.id);
    if (!path) throw missing(work, folder);
    return { bytes: await readFile(path), at: path };
  };

/** The first mirror that has the book; one that does not answer is not asked again. */
function fromMirrors(config: Config, polite: PoliteFetch): GetBook {
  let mirrors = [config.mirror ?? PUBLIC_MIRROR].flat().map((mirror) => mirror.replace(/\/+$/, ""));
  return async (work) => {
    let failure: unknown;
    for (const mirror of mirrors) {
      try {
        for (const path of candidates(work.id)) {
          const at = `${mirror}/${path}`;
          const found = await polite.get(at);
          if (found) return { bytes: found.bytes, fetchedAt: found.fetchedAt, at };
        }
      } catch (error) {
        if (!(error instanceof TwainError) || !PASSED_ON.has(error.code)) throw error;
        failure = error;
        if (mirrors.length > 1) mirrors = mirrors.filter((each) => each !== mirror);
      }
    }
    throw failure ?? missing(work, mirrors.join(" and "));
  };
}

export const gutenberg: Source<Config> = {
  kind: "gutenberg",
  schema: Config,

  /** Without those whose id only the catalogue knows. */
  async inputs(config, { root }) {
    const folder = await localRoot(config, root);
    if (!folder) return null;
    const files = [];
    for (const { id } of config.works) {
      const path = id === undefined ? undefined : await localFile(folder, id);
      files.push(path ? (await hashFile(path)).sha256 : null);
    }
    return files;
  },

  async *collect(config, context) {
    const folder = await localRoot(config, context.root);
    const { works, authors, catalogue, language } = config;
    const manners = context.manners ?? createManners();
    const polite = (maxAgeHours: number): PoliteFetch =>
      createPoliteFetch({ ...context, manners, delaySeconds: config.delaySeconds, maxAgeHours });
    if (!context.network && works.some(({ id }) => id === undefined))
      throw networkOff("the catalogue would have to be asked for the ids of works");
    if (!context.network && authors.length > 0)
      throw networkOff("the catalogue would have to be asked for the books of authors");
    if (!folder && !context.network)
      throw networkOff(`${works.length} books would have to be downloaded`);
    const get = folder ? fromFolder(folder) : fromMirrors(config, polite(Infinity));
    const lookUp = polite(CATALOGUE_HOURS);

    const document = async (work: Work): Promise<Document> => {
      const { bytes, at, fetchedAt } = await get(work);
      return toDocument(work, bytes, at, fetchedAt);
    };
    const seen = new Set<number>();
    for (const [i, work] of works.entries()) {
      context.signal.throwIfAborted();
      const id = work.id ?? (await findBooks(lookUp, catalogue, { ...work, language }))[0]!.id;
      seen.add(id);
      yield { type: "document", document: await document({ ...work, id }) };
      yield { type: "progress", label: work.title, done: i + 1, total: works.length };
    }
    for (const { author, atMost, except, ...use } of authors) {
      const books = (await findBooks(lookUp, catalogue, { author, language }))
        .filter(({ id }) => !except.includes(id) && !seen.has(id))
        .slice(0, atMost);
      for (const [i, book] of books.entries()) {
        context.signal.throwIfAborted();
        seen.add(book.id);
        const result = await document({ ...book, ...use, author }).catch((error: unknown) => {
          const reason = error instanceof TwainError ? DROPPED[error.code] : undefined;
          if (reason === undefined) throw error;
          return reason;
        });
        if (typeof result === "string")
          yield { type: "bad", reason: result, at: `gutenberg ${book.id} ${book.title}` };
        else yield { type: "document", document: result };
        yield { type: "progress", label: author, done: i + 1, total: books.length };
      }
    }
  },
};
