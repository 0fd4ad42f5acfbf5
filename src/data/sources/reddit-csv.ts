/** Headlines: the post titles of CSV dumps of subreddits. */
import { stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { hashFile } from "../../core/hash.ts";
import { readCsv } from "./csv-records.ts";
import { REPEATED, redditDocument } from "./reddit-document.ts";
import type { Source } from "./source.ts";

const Config = z.strictObject({
  kind: z.literal("reddit-csv"),
  /** Absolute, or relative to `<data.root>/reddit`. */
  files: z.array(z.string()).nonempty(),
  /** Subreddits whose titles are meant to be funny. */
  humorous: z.array(z.string()).default(["TheOnion"]),
  /** Go on without the dumps where `data.root` is not set: nobody offers them for download. */
  optional: z.boolean().default(false),
});
type Config = z.infer<typeof Config>;

const REQUIRED = ["id", "title", "subreddit"] as const;
const MAX_BAD = 0.3;

function pathOf(file: string, root: string | undefined): string {
  if (isAbsolute(file)) return file;
  if (root === undefined) {
    throw new TwainError(
      "collect/no-root",
      `the file ${file} is relative and data.root is not set`,
      { hint: "Set data.root to the folder that has reddit/ in it, or give an absolute path." },
    );
  }
  return join(root, "reddit", file);
}

const mayBeLeftOut = (config: Config, root: string | undefined): boolean =>
  config.optional && root === undefined && config.files.some((file) => !isAbsolute(file));

/** The columns of one file by name; throws `collect/bad-columns`. */
function columnsOf(header: readonly string[], path: string): (name: string) => number {
  const missing = REQUIRED.filter((name) => !header.includes(name));
  if (missing.length > 0) {
    throw new TwainError(
      "collect/bad-columns",
      `${path} has no column ${missing.join(", ")}; it has ${header.join(", ")}`,
      {
        hint: "The dumps have the columns created_utc, url, id, num_comments, title, subreddit.",
      },
    );
  }
  return (name) => header.indexOf(name);
}

export const redditCsv: Source<Config> = {
  kind: "reddit-csv",
  schema: Config,

  async inputs(config, { root }) {
    if (mayBeLeftOut(config, root)) return null;
    return Promise.all(
      config.files.map((file) =>
        hashFile(pathOf(file, root)).then(
          (hash) => hash.sha256,
          // A missing file is reported by `collect`, with its hint.
          () => null,
        ),
      ),
    );
  },

  async *collect(config, { root, signal }) {
    const humorous = new Set(config.humorous.map((name) => name.toLowerCase()));
    const seen = new Set<string>();
    if (mayBeLeftOut(config, root)) {
      yield {
        type: "skipped",
        message: `without ${config.files.join(" and ")}: the dumps are not offered for download; data.root=<folder> names a folder with reddit/ in it`,
      };
      return;
    }
    for (const [i, file] of config.files.entries()) {
      const path = pathOf(file, root);
      if (!(await stat(path).catch(() => undefined))?.isFile()) {
        throw new TwainError("collect/missing-file", `there is no file ${path}`, {
          hint: "Check data.sources and data.root.",
        });
      }
      let column: ((name: string) => number) | undefined;
      let rows = 0;
      const bad: Record<string, number> = {};
      for await (const record of readCsv(path, signal)) {
        if (column === undefined) {
          column = columnsOf("fields" in record ? record.fields : [], path);
          continue;
        }
        rows++;
        const result =
          "bad" in record ? record.bad : toDocument(record.fields, column, humorous, seen);
        if (typeof result === "string") {
          bad[result] = (bad[result] ?? 0) + 1;
          yield { type: "bad", reason: result, at: `${path}:${record.line}` };
        } else {
          yield { type: "document", document: result };
        }
      }
      const lost = Object.entries(bad).reduce(
        (sum, [reason, count]) => (reason === REPEATED ? sum : sum + count),
        0,
      );
      if (rows === 0 || lost > rows * MAX_BAD) {
        const reasons = Object.entries(bad).map(([reason, count]) => `${count} ${reason}`);
        throw new TwainError(
          "collect/too-many-bad-rows",
          `${path}: ${lost} of ${rows} rows cannot be used (${reasons.join(", ") || "the file is empty"})`,
          {
            hint: "Is this a comma-separated dump with quoted titles?",
          },
        );
      }
      yield { type: "progress", label: file, done: i + 1, total: config.files.length };
    }
  },
};

/** A document, or why the row gives none. */
function toDocument(
  fields: readonly string[],
  column: (name: string) => number,
  humorous: ReadonlySet<string>,
  seen: Set<string>,
): Document | string {
  const field = (name: string): string => fields[column(name)] ?? "";
  const post = {
    id: field("id"),
    subreddit: field("subreddit"),
    title: field("title"),
    url: field("url"),
    created: Number(field("created_utc")),
    comments: Number(field("num_comments")) || 0,
  };
  return redditDocument("reddit-csv", post, humorous, seen);
}
