import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { toRow } from "../core/conversation.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { talk as anyTalk, twoCalls } from "../data/exports/test-conversations.ts";
import { readReviews } from "../data/review/review-store.ts";
import { loadRecipe } from "./load-recipe.ts";
import { command } from "./review.ts";

const talk = { ...anyTalk, id: "talk-1" };
let root: string;
let dir: RunDir;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "twainbot-review-cli-"));
  dir = runDir(join(root, "tiny"));
  await writeFileAtomic(dir.recipe, JSON.stringify(await loadRecipe("tiny", [])));
  await writeJsonl(dir.ledger, []);
  await writeJsonl(dir.dataset.train, [twoCalls, talk].map(toRow));
  const { valid, test: testFile, base, baseValid, toolCases } = dir.dataset;
  for (const path of [valid, testFile, base, baseValid, toolCases]) await writeJsonl(path, []);
  await writeFileAtomic(
    dir.manifest("curate"),
    JSON.stringify({
      schema: 1,
      stage: "curate",
      fingerprint: "x",
      inputs: {},
      outputs: [],
      counts: {},
      dropped: {},
      seconds: 1,
      versions: {},
    }),
  );
});
afterAll(() => rm(root, { recursive: true, force: true }));

const start = (...args: string[]): Promise<number> =>
  command.start([...args, "--run", dir.root], new AbortController().signal);

test.each([
  [["set"], "cli/usage", "the id is missing"],
  [["set", talk.id], "cli/usage", "nothing is said"],
  [["set", talk.id, "--voice", "6"], "cli/usage", "--voice cannot be 6"],
  [["set", talk.id, "--verdict", "reject", "--text", "x"], "data/bad-review", "contradict"],
  [["set", "nobody", "--voice", "2"], "data/unknown-id", "nobody"],
  [["burn"], "cli/usage", "cannot burn"],
  [["--count", "0"], "cli/usage", "--count cannot be 0"],
  [["--verdict", "maybe"], "cli/usage", "--verdict cannot be maybe"],
  [["set", "a", "b"], "cli/usage", "one argument too many"],
])("twainbot review %j is refused", async (args, code, message) => {
  await expect(start(...args)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message) as string,
  });
  expect((await readReviews(dir.reviews)).byKey.size).toBe(0);
});

test(
  "a script lists a sample, says something of a row, and reads it back",
  { timeout: 240_000 },
  async () => {
    const twainbot = async (...args: string[]): Promise<string> => {
      const child = spawn(
        process.execPath,
        ["--import", "tsx", "src/cli/main.ts", "review", ...args, "--run", dir.root],
        { cwd: packageRoot(), stdio: ["ignore", "pipe", "inherit"] },
      );
      let stdout = "";
      child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
      const [code] = (await once(child, "close")) as [number];
      expect(code).toBe(0);
      return stdout;
    };
    const listed = JSON.parse(await twainbot("--json")) as { items: { id: string; of: string }[] };
    expect(listed.items.map(({ id }) => id).toSorted()).toEqual([talk.id, twoCalls.id].toSorted());
    expect(
      await twainbot("set", talk.id, "--verdict", "reject", "--voice", "2", "--note", "no"),
    ).toBe(`${talk.id}: rejected, voice 2. The next curate of ${dir.root} heeds it.\n`);
    expect(JSON.parse(await twainbot("list", "--json"))).toMatchObject({
      reviews: [
        {
          of: listed.items.find(({ id }) => id === talk.id)!.of,
          verdict: "reject",
          voice: 2,
          note: "no",
          recipe: "tiny",
        },
      ],
      damaged: [],
    });
    // No terminal: nobody is asked, and what was judged is not shown again.
    const shown = await twainbot();
    expect(shown).toContain(twoCalls.id);
    expect(shown).not.toContain(`${talk.id} `);
  },
);
