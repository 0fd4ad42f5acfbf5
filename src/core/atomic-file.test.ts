import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { appendText, removeTemporaries, writeFileAtomic } from "./atomic-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-atomic-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a file is whole, in a folder made for it, and nothing lies beside it", async () => {
  const path = join(folder, "a", "b.txt");
  await writeFileAtomic(path, "first");
  await writeFileAtomic(path, async (file) => {
    await file.writeFile("sec");
    await file.writeFile("ond");
  });
  expect(await readFile(path, "utf8")).toBe("second");
  expect(await readdir(join(folder, "a"))).toEqual(["b.txt"]);
});

test("a writer that fails leaves the old file and no temporary one, and its error is its own", async () => {
  const path = join(folder, "kept.txt");
  await writeFileAtomic(path, "old");
  const own = new Error("the writer's");
  await expect(
    writeFileAtomic(path, async (file) => {
      await file.writeFile("half");
      throw own;
    }),
  ).rejects.toBe(own);
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(folder)).toEqual(["kept.txt"]);
});

test("what a killed writer left goes, and nothing else", async () => {
  const left: string[] = [];
  await writeFileAtomic(join(folder, "rows.jsonl"), async () => {
    left.push(...(await readdir(folder)));
  });
  expect(left).toHaveLength(1);
  for (const name of [left[0]!, "notes.tmp", "rows.jsonl.tmp"])
    await writeFile(join(folder, name), "half");
  const below = join(folder, "a", "b");
  await mkdir(below, { recursive: true });
  await writeFile(join(below, left[0]!), "half");
  // A folder of such a name is nobody's half-written file.
  await mkdir(join(folder, "versions.0123abcd.tmp"));
  await removeTemporaries(folder);
  expect(await readdir(folder)).toEqual([
    "a",
    "notes.tmp",
    "rows.jsonl",
    "rows.jsonl.tmp",
    "versions.0123abcd.tmp",
  ]);
  expect(await readdir(below)).toEqual([]);
  await removeTemporaries(join(folder, "not there"));
});

// The kernel's own ENOSPC: every write to this device finds it full.
test.skipIf(!existsSync("/dev/full"))("a full disk is told in words, with what to do", async () => {
  const path = join(folder, "kept.txt");
  await writeFileAtomic(path, "old");
  const full = await open("/dev/full", "w");
  try {
    await expect(
      writeFileAtomic(path, async () => {
        await full.write("more");
      }),
    ).rejects.toMatchObject({
      code: "core/write-failed",
      message: `cannot write ${path}: the disk is full (ENOSPC)`,
      hint: expect.stringContaining("finished work is kept") as string,
    });
  } finally {
    await full.close();
  }
  expect(await readFile(path, "utf8")).toBe("old");
  await expect(appendText("/dev/full", "line\n")).rejects.toMatchObject({
    code: "core/write-failed",
  });
});

test.skipIf(process.getuid?.() === 0)("so is a folder that may not be written", async () => {
  await chmod(folder, 0o500);
  try {
    await expect(writeFileAtomic(join(folder, "x"), "y")).rejects.toMatchObject({
      code: "core/write-failed",
    });
  } finally {
    await chmod(folder, 0o700);
  }
});

test("a folder in the way is no fault of the disk", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(writeFileAtomic(join(folder, "file", "x"), "y")).rejects.toMatchObject({
    code: expect.stringMatching(/ENOTDIR|EEXIST/) as string,
  });
});
