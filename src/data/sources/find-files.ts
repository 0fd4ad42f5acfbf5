/** The files that a path leads to: one file, or all below a folder in a fixed order. */
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { TwainError } from "../../core/errors.ts";

export type FoundFile =
  /** `name` is the path below the folder with `/` between its parts; empty where the path is the file. */
  { path: string; name: string } | { path: string; name: string; bad: string };

const TEXTS = [".txt", ".md", ".jsonl"];

const hasExtension = (path: string, extensions: readonly string[]): boolean =>
  extensions.includes(extname(path).toLowerCase());

const isInside = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);

const byCodeUnit = (a: { name: string }, b: { name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

async function* walk(
  root: string,
  folder: string,
  extensions: readonly string[],
): AsyncGenerator<FoundFile> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.toSorted(byCodeUnit)) {
    if (entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    const name = relative(root, path).split(sep).join("/");
    if (entry.isSymbolicLink()) {
      const target = await realpath(path).catch(() => undefined);
      if (target !== undefined && !isInside(root, target)) {
        throw new TwainError(
          "collect/link-outside",
          `${path} is a link to ${target}, outside ${root}`,
          {
            hint: "Name that file or folder in data.sources itself, with its own licence, or remove the link.",
          },
        );
      }
      // What it leads to is found where it lies; following it could go in circles.
      yield { path, name, bad: target === undefined ? "broken link" : "link" };
    } else if (entry.isDirectory()) {
      yield* walk(root, path, extensions);
    } else if (entry.isFile() && hasExtension(entry.name, extensions)) {
      yield { path, name };
    }
  }
}

/**
 * Files whose names end in one of `extensions`; hidden ones and other kinds are passed over. Throws
 * `collect/missing-file` where there is nothing, `collect/link-outside` for a link out of the folder.
 */
export async function* findFiles(
  path: string,
  extensions: readonly string[] = TEXTS,
): AsyncGenerator<FoundFile> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    const root = await realpath(path);
    yield* walk(root, root, extensions);
  } else if (found?.isFile() && hasExtension(path, extensions)) {
    yield { path, name: "" };
  } else {
    throw new TwainError(
      "collect/missing-file",
      found ? `${path} is no ${extensions.join(", ")} file` : `there is no file or folder ${path}`,
      { hint: "Check data.sources and data.root." },
    );
  }
}
