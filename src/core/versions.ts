/** Versions that decide results: Node, this package, onnxruntime. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root.ts";

export function versions(): Record<"node" | "twainbot" | "onnxruntime", string> {
  const require = createRequire(import.meta.url);
  const read = (path: string): string =>
    (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
  return {
    node: process.versions.node,
    twainbot: read(join(packageRoot(), "package.json")),
    onnxruntime: read(require.resolve("onnxruntime-node/package.json")),
  };
}
