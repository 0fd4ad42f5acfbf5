import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { toRow } from "../core/conversation.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import type { Manifest } from "../core/stage.ts";
import { talk, twoCalls } from "../data/exports/test-conversations.ts";
import { command } from "./export.ts";
import { loadRecipe } from "./load-recipe.ts";

const manifest: Manifest = {
  schema: 1,
  stage: "curate",
  fingerprint: "x",
  inputs: {},
  outputs: [],
  counts: {},
  dropped: {},
  seconds: 1,
  versions: {},
};

let root: string;
let dir: RunDir;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-export-cli-"));
  dir = runDir(join(root, "tiny"));
  await writeFileAtomic(dir.recipe, JSON.stringify(await loadRecipe("tiny", [])));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const start = (...args: string[]): Promise<number> =>
  command.start(args, new AbortController().signal);

describe("refused, with what to do", () => {
  test.each([
    [["tlr", "--run", "x"], "cli/usage", "Did you mean trl?"],
    [
      ["parquet", "--run", "x"],
      "cli/usage",
      "It is one of dataset, openai, openai-functions, trl,",
    ],
    [["trl", "xml"], "cli/usage", "One format at a time"],
    [[], "cli/usage", "One of dataset, openai,"],
    // Not the runs of this checkout: after `npm start` there are some, and they would be the hint.
    [["trl", "--run", "/nowhere", "--runs", "/nowhere"], "cli/no-run", "twainbot run"],
  ])("%j", async (args, code, hint) => {
    await expect(start(...args)).rejects.toMatchObject({
      code,
      hint: expect.stringContaining(hint),
    });
  });

  test("token ids before there is a tokenizer", async () => {
    await writeFileAtomic(dir.manifest("curate"), JSON.stringify(manifest));
    await expect(start("trl-tokenized", "--run", dir.root)).rejects.toMatchObject({
      code: "cli/no-model",
      hint: expect.stringContaining("twainbot run tiny"),
    });
    await rm(dir.manifest("curate"));
  });

  test("a run without a dataset", async () => {
    await expect(start("trl", "--run", dir.root)).rejects.toMatchObject({
      code: "export/no-dataset",
      hint: "Make it first: twainbot run tiny.",
    });
  });
});

test("twainbot export trl writes into the run, or where --out says", async () => {
  for (const side of ["train", "valid", "test"] as const)
    await writeJsonl(dir.dataset[side], [twoCalls, talk].map(toRow));
  await writeFileAtomic(dir.manifest("curate"), JSON.stringify(manifest));
  const twainbot = async (...args: string[]): Promise<{ code: number; stdout: string }> => {
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "src/cli/main.ts", "export", ...args, "--run", dir.root],
      { cwd: packageRoot(), stdio: ["ignore", "pipe", "inherit"] },
    );
    let stdout = "";
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    const [code] = (await once(child, "close")) as [number];
    return { code, stdout };
  };
  const shown = await twainbot("trl");
  expect(shown).toEqual({
    code: 0,
    stdout: `trl: 2 train, 2 valid, 2 test rows in ${dir.root}/export/trl\nWhat loads them: ${dir.root}/export/trl/README.md\n`,
  });
  expect(await readFile(join(dir.root, "export", "trl", "valid.jsonl"), "utf8")).toContain(
    '"arguments":{"location":"Hannibal","days":2}',
  );

  const out = join(root, "elsewhere");
  const { stdout } = await twainbot("mcp", "--out", out, "--json", "--parquet");
  expect(JSON.parse(stdout)).toEqual({
    format: "mcp",
    folder: join(out, "mcp"),
    files: ["jsonl", "parquet"],
    rows: { train: 2, valid: 2, test: 2 },
    licences: { "CC0-1.0": 6 },
    leftOut: {},
  });
});
