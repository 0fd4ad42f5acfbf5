/**
 * What is left of curation when it is killed, when the disk fills up, and when a file is cut short, and of collecting
 * when the disk fills up; in real processes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readFile, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hashFile } from "../../src/core/hash.ts";
import { packageRoot } from "../../src/core/package-root.ts";
import { createRandom } from "../../src/core/random.ts";

let runs: string;
const children = new Set<ChildProcess>();
/** Of every file that curation leaves, in a run that nothing happened to. */
let whole: Record<string, string>;
let milliseconds = 0;

interface Ended {
  code: number | null;
  stderr: string;
}

/** A stage of `tiny` in the run `name`; `blocks` limits how large a file may become, in blocks of the shell's `ulimit`. */
function start(
  stage: "collect" | "curate",
  name: string,
  blocks?: number,
): ChildProcess & { ended: Promise<Ended> } {
  const program = [
    process.execPath,
    "--import",
    "tsx",
    "src/cli/main.ts",
    stage,
    "tiny",
    `name=${name}`,
    "--runs",
    runs,
    "curate.drills=0",
    "curate.episodes.train=60",
    "curate.episodes.cases=4",
  ];
  const [command, ...args] =
    blocks === undefined
      ? program
      : ["sh", "-c", `ulimit -f ${blocks}; exec "$@"`, "sh", ...program];
  const child = spawn(command!, args, {
    cwd: packageRoot(),
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  children.add(child);
  let stderr = "";
  child.stderr!.on("data", (data: Buffer) => (stderr += data.toString()));
  const ended = once(child, "close").then(([code]): Ended => {
    children.delete(child);
    return { code: code as number | null, stderr };
  });
  return Object.assign(child, { ended });
}

async function finish(stage: "collect" | "curate", name: string): Promise<void> {
  const { code, stderr } = await start(stage, name).ended;
  expect(code, stderr).toBe(0);
}

/** Hashes of what a run's curation left; hidden files and temporary ones would be among them. */
async function left(name: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const folder of ["curate", "dataset"]) {
    const path = join(runs, name, folder);
    if (!existsSync(path)) continue;
    for (const file of await readdir(path))
      // The manifest has the time that it took.
      if (file !== "manifest.json")
        hashes[`${folder}/${file}`] = (await hashFile(join(path, file))).sha256;
  }
  return hashes;
}

const copyOf = (name: string): Promise<void> =>
  cp(join(runs, "collected"), join(runs, name), { recursive: true });

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), "twainbot-interrupted-"));
  await finish("collect", "collected");
  await copyOf("whole");
  const started = performance.now();
  await finish("curate", "whole");
  milliseconds = performance.now() - started;
  whole = await left("whole");
  // The card names its recipe, and so the run.
  delete whole["dataset/README.md"];
  expect(Object.keys(whole)).toHaveLength(10);
}, 300_000);
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(runs, { recursive: true, force: true });
});

async function expectWhole(name: string): Promise<void> {
  const { "dataset/README.md": card, ...files } = await left(name);
  expect(card).toBeDefined();
  expect(files).toEqual(whole);
}

test("killed at random moments, curation ends with the same bytes, and leaves nothing else", async () => {
  await copyOf("killed");
  const random = createRandom(Date.now());
  for (let kill = 0; kill < 3; kill++) {
    const child = start("curate", "killed");
    // Loading takes the first third; with the last one it may have ended, which is a moment too.
    const wait = milliseconds * (0.3 + 0.75 * random.next());
    await Promise.race([child.ended, new Promise((resolve) => setTimeout(resolve, wait))]);
    child.kill("SIGKILL");
    await child.ended;
    // Whatever has its final name is whole.
    const { "dataset/README.md": _, ...files } = await left("killed");
    for (const [file, hash] of Object.entries(files))
      if (whole[file] !== undefined) expect(hash, `${file} after ${wait} ms`).toBe(whole[file]);
  }
  await finish("curate", "killed");
  await expectWhole("killed");
}, 600_000);

test("a disk that fills up is an error with a code, and no half file looks complete", async () => {
  await copyOf("full");
  // Blocks are half a kilobyte or a whole one: less than the ledger needs in either case.
  const { code, stderr } = await start("curate", "full", 64).ended;
  expect(code, stderr).toBe(1);
  expect(stderr).toContain("core/write-failed");
  expect(stderr).not.toContain("    at ");
  expect(existsSync(join(runs, "full", "curate", "manifest.json"))).toBe(false);
  const { "dataset/README.md": _, ...files } = await left("full");
  for (const [file, hash] of Object.entries(files)) expect(hash, file).toBe(whole[file]);
  await finish("curate", "full");
  await expectWhole("full");
}, 300_000);

test("a disk that fills up while documents are collected leaves none that looks complete", async () => {
  const { code, stderr } = await start("collect", "full-early", 64).ended;
  expect(code, stderr).toBe(1);
  expect(stderr).toContain("core/write-failed");
  expect(stderr).not.toContain("    at ");
  const folder = join(runs, "full-early", "collect");
  expect(existsSync(join(folder, "manifest.json"))).toBe(false);
  expect(await readdir(join(folder, "documents"))).toEqual([]);
  await finish("collect", "full-early");
  const shards = (name: string): Promise<Buffer[]> => {
    const documents = join(runs, name, "collect", "documents");
    return readdir(documents).then((names) =>
      Promise.all(names.toSorted().map((shard) => readFile(join(documents, shard)))),
    );
  };
  expect(await shards("full-early")).toEqual(await shards("collected"));
}, 300_000);

test("a shard that was cut short is seen before anything is made from it", async () => {
  await copyOf("cut");
  const [shard] = await readdir(join(runs, "cut", "collect", "documents"));
  const path = join(runs, "cut", "collect", "documents", shard!);
  const before = await readFile(path);
  await truncate(path, Math.floor((await stat(path)).size / 2));
  const { code, stderr } = await start("curate", "cut").ended;
  expect(code).toBe(1);
  expect(stderr).toContain("core/stage-missing");
  expect(existsSync(join(runs, "cut", "dataset"))).toBe(false);
  await finish("collect", "cut");
  expect((await readFile(path)).equals(before)).toBe(true);
}, 300_000);

test("so is a dataset file that was cut short after it was made", async () => {
  const path = join(runs, "whole", "dataset", "train.jsonl");
  await truncate(path, Math.floor((await stat(path)).size / 2));
  await finish("curate", "whole");
  await expectWhole("whole");
}, 300_000);
