/** The built chat page, read into memory once: a request can only name what is already there. */
import { readFile, readdir } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { packageRoot } from "../core/package-root.ts";

export interface PageFile {
  bytes: Uint8Array<ArrayBuffer>;
  type: string;
  /** Its name holds a hash of its content, so a browser may keep it for ever. */
  immutable: boolean;
}

/** By URL path; `/` is the page itself. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

const NOT_BUILT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>TwainBot</title>
<h1>The page is not built</h1>
<p>The API answers at <code>/v1/chat/completions</code>. For the chat page run <code>npm run build</code> and start the server again.</p>
</html>
`;

/** The files of `folder` (the built `web/`), or one page that says how to build them. */
export async function loadPage(
  folder: string = join(packageRoot(), "web", "dist"),
): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const type = TYPES[extname(entry.name)];
    if (!entry.isFile() || !type) continue;
    const path = `/${relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/")}`;
    const bytes = new Uint8Array(await readFile(join(entry.parentPath, entry.name)));
    files.set(path === "/index.html" ? "/" : path, {
      bytes,
      type,
      immutable: path.startsWith("/assets/"),
    });
  }
  if (!files.has("/")) {
    return new Map([
      [
        "/",
        { bytes: new TextEncoder().encode(NOT_BUILT), type: TYPES[".html"]!, immutable: false },
      ],
    ]);
  }
  return files;
}
