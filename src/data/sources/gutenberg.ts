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
import { createPoliteFetch } from "./polite-fetch.ts";
import type { Source } from "./source.ts";

const Work = z.strictObject({
  id: z.number().int().positive(),
  title: z.string().min(1),
  author: z.string().min(1),
  /** `style` teaches a voice; `neutral` is plain prose for a base model and the style classifier. */
  role: z.enum(["style", "neutral"]),
  persona: Persona.exclude(["neutral"]).optional(),
});
type Work = z.infer<typeof Work>;

const Config = z.strictObject({
  kind: z.literal("gutenberg"),
  /** An http(s) address or a folder; by default `<data.root>/gutenberg`, or the public mirror. */
  mirror: z.string().optional(),
  delaySeconds: z.number().nonnegative().default(2),
  works: z.array(Work).nonempty(),
});
type Config = z.infer<typeof Config>;

const PUBLIC_MIRROR = "https://gutenberg.pglaf.org";
/** A book has at least this many characters between its markers; less is an error page or a stub. */
const MIN_BODY = 2000;

const isAddress = (mirror: string): boolean => /^https?:\/\//.test(mirror);

/** Paths of one book below the root of a mirror, most wanted first: UTF-8, Latin-1, ASCII; two layouts. */
function candidates(id: number): string[] {
  const digits = String(id);
  const nested = [...(digits.length > 1 ? digits.slice(0, -1) : "0"), digits].join("/");
  const names = [`${id}-0.txt`, `${id}-8.txt`, `${id}.txt`];
  return [...names.map((name) => `${nested}/${name}`), ...names.map((name) => `${id}/${name}`)];
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

/** The folder that the config leads to, or undefined where the books must be downloaded. */
async function localRoot(config: Config, root: string | undefined): Promise<string | undefined> {
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

function toDocument(work: Work, bytes: Uint8Array, at: string, fetchedAt?: string): Document {
  const { text } = decodeText(bytes);
  checkBook(text, work, at);
  return {
    id: `gutenberg:${work.id}`,
    kind: "book",
    text,
    source: "gutenberg",
    url: `https://www.gutenberg.org/ebooks/${work.id}`,
    licence: "public domain in the USA (Project Gutenberg)",
    author: work.author,
    title: work.title,
    sha256: sha256(bytes),
    ...(fetchedAt && { fetchedAt }),
    synthetic: false,
    extra: {
      role: work.role,
      ...(work.persona && { persona: work.persona }),
      gutenberg_id: work.id,
    },
  };
}

const missing = (work: Work, at: string): TwainError =>
  new TwainError("collect/missing-book", `${at} has no text of ${work.id} (${work.title})`, {
    hint: `Expected one of ${candidates(work.id).join(", ")}.`,
  });

export const gutenberg: Source<Config> = {
  kind: "gutenberg",
  schema: Config,

  async inputs(config, { root }) {
    const folder = await localRoot(config, root);
    if (!folder) return null;
    const files = [];
    for (const work of config.works) {
      const path = await localFile(folder, work.id);
      files.push(path ? (await hashFile(path)).sha256 : null);
    }
    return files;
  },

  async *collect(config, context) {
    const folder = await localRoot(config, context.root);
    const total = config.works.length;
    let get: (work: Work) => Promise<{ bytes: Uint8Array; fetchedAt?: string; at: string }>;
    if (folder) {
      get = async (work) => {
        const path = await localFile(folder, work.id);
        if (!path) throw missing(work, folder);
        return { bytes: await readFile(path), at: path };
      };
    } else {
      if (!context.network) {
        throw new TwainError(
          "collect/network-off",
          `${total} books would have to be downloaded and the network is off`,
          {
            hint: "Give data.root with a gutenberg/ folder in the mirrors' layout, or allow downloads with data.network=true.",
          },
        );
      }
      const mirror = (config.mirror ?? PUBLIC_MIRROR).replace(/\/+$/, "");
      const polite = createPoliteFetch({
        ...context,
        delaySeconds: config.delaySeconds,
      });
      get = async (work) => {
        for (const path of candidates(work.id)) {
          const found = await polite.get(`${mirror}/${path}`);
          if (found)
            return {
              bytes: found.bytes,
              fetchedAt: found.fetchedAt,
              at: `${mirror}/${path}`,
            };
        }
        throw missing(work, mirror);
      };
    }
    for (const [i, work] of config.works.entries()) {
      context.signal.throwIfAborted();
      const found = await get(work);
      yield {
        type: "document",
        document: toDocument(work, found.bytes, found.at, found.fetchedAt),
      };
      yield { type: "progress", label: work.title, done: i + 1, total };
    }
  },
};
