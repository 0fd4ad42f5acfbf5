import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packageRoot } from "../../core/package-root.ts";
import { type Review, VERDICTS, recordKey } from "./review.ts";
import { putReview, readReviews } from "./review-store.ts";

let folder = "";
let path = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-reviews-"));
  path = join(folder, "runs", "reviews.jsonl");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const review = (text: string, more: Partial<Review> = {}): Review => ({
  of: recordKey(text),
  type: "record",
  id: text,
  verdict: "reject",
  at: "2026-11-22T00:00:00.000Z",
  ...more,
});

test("of each text the last review counts, in whatever order they came", async () => {
  expect(await readReviews(path)).toEqual({ byKey: new Map(), damaged: [] });
  const some = fc.record({
    text: fc.constantFrom("a", "b", "c"),
    verdict: fc.constantFrom(...VERDICTS),
    voice: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    note: fc.string(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(some, { maxLength: 6 }), async (said) => {
      const file = join(folder, `${Math.random()}.jsonl`);
      const expected = new Map<string, Review>();
      for (const { text, voice, verdict, note } of said) {
        const one = review(text, {
          verdict,
          note,
          ...(voice !== undefined && { voice }),
          ...(verdict === "edit" && { text: `${text}!` }),
        });
        await putReview(file, one);
        expected.set(one.of, one);
      }
      expect((await readReviews(file)).byKey).toEqual(expected);
    }),
    { numRuns: fc.readConfigureGlobal().numRuns ?? 30 },
  );
});

test(
  "two processes that write at once lose nothing of each other",
  { timeout: 240_000 },
  async () => {
    const each = 40;
    const script = `
    import { putReview } from "./src/data/review/review-store.ts";
    import { recordKey } from "./src/data/review/review.ts";
    const [, path, who] = process.argv;
    for (let i = 0; i < ${each}; i++)
      await putReview(path, { of: recordKey(who + i), type: "record", id: who + i, verdict: "accept",
        note: "x".repeat(1500), at: "2026" });`;
    const writers = ["a", "b"].map((who) =>
      spawn(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "-e", script, "--", path, who],
        { cwd: packageRoot(), stdio: ["ignore", "ignore", "inherit"] },
      ),
    );
    for (const code of await Promise.all(writers.map((writer) => once(writer, "close"))))
      expect(code[0]).toBe(0);
    const { byKey, damaged } = await readReviews(path);
    expect([byKey.size, damaged]).toEqual([2 * each, []]);
  },
);

test("a recipe has its own reviews and those that are nobody's, whatever others said later", async () => {
  await putReview(path, review("a", { recipe: "nano" }));
  await putReview(path, review("b"));
  const before = await readReviews(path, "nano");
  await putReview(path, review("a", { recipe: "other", verdict: "accept" }));
  await putReview(path, review("c", { recipe: "other" }));
  expect(await readReviews(path, "nano")).toEqual(before);
  expect([...before.byKey.values()].map(({ id }) => id)).toEqual(["a", "b"]);
  expect((await readReviews(path)).byKey.size).toBe(3);
});

test("a last line that a kill cut short costs that line alone, and is told", async () => {
  await putReview(path, review("a"));
  const whole = await readFile(path, "utf8");
  await putReview(path, review("b"));
  await writeFile(path, (await readFile(path, "utf8")).slice(0, whole.length + 40));
  expect(await readReviews(path)).toMatchObject({ byKey: { size: 1 }, damaged: [2] });
  await putReview(path, review("c"));
  const { byKey, damaged } = await readReviews(path);
  expect([...byKey.values()].map(({ id }) => id)).toEqual(["a", "c"]);
  expect(damaged).toEqual([2]);
  await appendFile(path, '{"verdict":"perhaps"}\n\n');
  expect((await readReviews(path)).damaged).toEqual([2, 4]);
});

test.each([
  ["a score out of range", { voice: 6 }],
  ["an edit without a text", { verdict: "edit" as const }],
  ["a text without an edit", { text: "x" }],
  ["a text that is no answer any more", { verdict: "edit" as const, text: "x".repeat(20_001) }],
])("%s is refused, and the file is not touched", async (_, wrong) => {
  await expect(putReview(path, review("a", wrong))).rejects.toMatchObject({
    code: "data/bad-review",
  });
  await expect(stat(path)).rejects.toThrow("ENOENT");
});
