/** docs/errors.md and the code name the same errors. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/core/package-root.ts";

/** The codes of the table; within a row, one without a stage has that of the code before it. */
async function documented(): Promise<Set<string>> {
  const codes = new Set<string>();
  const text = await readFile(join(packageRoot(), "docs", "errors.md"), "utf8");
  for (const row of text.split("\n").filter((line) => line.startsWith("| `"))) {
    let stage = "";
    for (const [, code = ""] of row.split("|")[1]!.matchAll(/`([a-z0-9/-]+)`/g)) {
      const [first, second] = code.split("/");
      if (second !== undefined) stage = first!;
      codes.add(`${stage}/${second ?? first}`);
    }
  }
  return codes;
}

test("every code that the source throws is explained, and none that it does not have", async () => {
  const root = join(packageRoot(), "src");
  const names = await readdir(root, { recursive: true });
  const files = names.filter((name) => name.endsWith(".ts") && !/\.test\.ts$|test-/.test(name));
  const source = (
    await Promise.all(files.map((name) => readFile(join(root, name), "utf8")))
  ).join();
  const thrown = new Set(
    [...source.matchAll(/new TwainError\(\s*"([^"]+)"/g)].map((found) => found[1]!),
  );
  const written = await documented();
  expect(thrown.size).toBeGreaterThan(50);
  expect([...thrown].filter((code) => !written.has(code)).toSorted()).toEqual([]);
  // Some codes are chosen by an expression: there it is enough that the string stands somewhere.
  expect([...written].filter((code) => !source.includes(`"${code}"`)).toSorted()).toEqual([]);
});
