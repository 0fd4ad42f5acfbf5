/** The table of known bugs in docs/training.md names tests that exist. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/core/package-root.ts";

interface Row {
  number: string;
  file: string;
  name: string;
}

async function rows(): Promise<Row[]> {
  const text = await readFile(join(packageRoot(), "docs", "training.md"), "utf8");
  return [...text.matchAll(/^\| (\d+b?) \|.*\| `(\S+\.test\.ts)` \| (.+) \|$/gm)].map(
    ([, number = "", file = "", name = ""]) => ({ number, file, name }),
  );
}

/** Names given to `test(…)` or `test.each(…)(…)`, which are the first argument, a text, before a comma. */
const testNames = (source: string): Set<string> =>
  new Set(
    [...source.matchAll(/\(\s*("(?:[^"\\]|\\.)*"),/g)].map(
      (found) => JSON.parse(found[1]!) as string,
    ),
  );

test("every known bug has a test, and the tests of the table exist", async () => {
  const table = await rows();
  const numbers = [...Array.from({ length: 19 }, (_, i) => String(i + 1)), "4b"];
  expect(new Set(table.map(({ number }) => number))).toEqual(new Set(numbers));
  for (const { file, name } of table) {
    const source = await readFile(join(packageRoot(), file), "utf8");
    expect(testNames(source), `${file}: ${name}`).toContain(name);
  }
});
