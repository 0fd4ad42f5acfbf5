import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { readJsonl, writeJsonl } from "./jsonl.ts";
import { packageRoot } from "./package-root.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-jsonl-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function read(path: string): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of readJsonl(path, z.unknown())) rows.push(row);
  return rows;
}

test("any rows come back as they were written", async () => {
  const path = join(folder, "rows.jsonl");
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue()), async (values) => {
      // Minus zero has no JSON.
      const rows = JSON.parse(JSON.stringify(values)) as unknown[];
      expect(await writeJsonl(path, rows)).toBe(rows.length);
      expect(await read(path)).toEqual(rows);
    }),
  );
});

test("a line that is no JSON, or no such row, is named by its number; empty lines are passed over", async () => {
  const path = join(folder, "rows.jsonl");
  await writeFile(path, '{"a":1}\n\n{"a":\n');
  await expect(read(path)).rejects.toMatchObject({
    code: "core/bad-jsonl",
    message: `${path}:3: not JSON`,
  });
  await writeFile(path, '\n{"a":"x"}\n');
  const numbers = readJsonl(path, z.object({ a: z.number() }));
  await expect(numbers.next()).rejects.toMatchObject({
    code: "core/bad-jsonl",
    message: expect.stringContaining(`${path}:2: a: `) as string,
  });
});

// Of one write, a file that may not grow further takes what still fits, and that is no error.
test("rows that do not fit are an error, also where all of them are one write, and no file is left", async () => {
  const path = join(folder, "rows.jsonl");
  const script = join(folder, "write.mts");
  const result = join(folder, "code");
  await writeFile(
    script,
    `import { writeFileSync } from "node:fs";
    import { writeJsonl } from ${JSON.stringify(join(packageRoot(), "src/core/jsonl.ts"))};
    const rows = Array.from({ length: 500 }, (_, i) => ({ i, text: "x".repeat(1000) }));
    const code = await writeJsonl(${JSON.stringify(path)}, rows).catch((error) => error.code);
    writeFileSync(${JSON.stringify(result)}, String(code));`,
  );
  const child = spawnSync(
    "sh",
    ["-c", `ulimit -f 64; exec "$@"`, "sh", process.execPath, "--import", "tsx", script],
    { cwd: packageRoot(), encoding: "utf8" },
  );
  expect(child.status, child.stderr).toBe(0);
  expect(await readFile(result, "utf8")).toBe("core/write-failed");
  expect((await readdir(folder)).toSorted()).toEqual(["code", "write.mts"]);
});
