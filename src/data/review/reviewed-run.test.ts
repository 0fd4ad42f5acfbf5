/** From a sample to verdicts to the next curate and what `why` then tells. */
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationRow } from "../../core/conversation.ts";
import { Document } from "../../core/document.ts";
import { type RunEvent } from "../../core/events.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { parseRecipe } from "../../core/recipe.ts";
import { type RunDir, runDir } from "../../core/run-dir.ts";
import { runStage } from "../../core/stage.ts";
import { collect } from "../collect.ts";
import { curate } from "../curate.ts";
import type { RecordStory } from "../record-story.ts";
import { type RowStory, why } from "../why.ts";
import { putVerdict } from "./put-verdict.ts";
import { type RecordItem, type RowItem, findItem } from "./review-item.ts";
import { readReviews } from "./review-store.ts";
import { sampleForReview } from "./sample-reviews.ts";

let folder = "";
let dir: RunDir;
const signal = new AbortController().signal;
const training = { steps: 1, learningRate: 1e-3 };
const recipe = parseRecipe(
  {
    name: "t",
    data: { sources: [{ kind: "bundled", sets: ["franklin", "jokes"] }] },
    curate: { episodes: { train: 60, cases: 4 }, drills: 10 },
    base: { kind: "folder", path: "nowhere" },
    train: training,
  },
  "test",
);

async function make(at: RunDir): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const event of runStage(collect, recipe, at, signal)) events.push(event);
  for await (const event of runStage(curate, recipe, at, signal)) events.push(event);
  return events;
}
const skipped = (events: readonly RunEvent[]): boolean =>
  events.some((event) => event.type === "stage-skip" && event.stage === "curate");
const notices = (events: readonly RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === "notice" ? event.message : []));

async function rowsOf(at: RunDir): Promise<Map<string, ConversationRow>> {
  const rows = new Map<string, ConversationRow>();
  for (const side of ["train", "valid", "test"] as const)
    for await (const row of readJsonl(at.dataset[side], ConversationRow)) rows.set(row.id, row);
  return rows;
}
async function documentsOf(at: RunDir): Promise<Map<string, Document>> {
  const documents = new Map<string, Document>();
  for await (const document of readJsonl(at.curated, Document))
    documents.set(document.id, document);
  return documents;
}
const sample = (what: "rows" | "records", count: number, more = {}) =>
  sampleForReview(dir, { what, count, seed: 1, again: false, signal, ...more });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-review-"));
  dir = runDir(join(folder, "t"));
  await make(dir);
}, 240_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a sample has as many of every group, and follows from its seed and the texts", async () => {
  const groups = new Set<string>();
  for (const row of (await rowsOf(dir)).values())
    groups.add(`${row.tags.domain}, ${row.tags.persona}, ${row.tags.source}`);
  const { items, pool } = await sample("rows", 2 * groups.size);
  expect(pool).toBe((await rowsOf(dir)).size);
  expect(new Set(items.slice(0, groups.size).map(({ group }) => group))).toEqual(groups);
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  expect(await sample("rows", 2 * groups.size)).toMatchObject({ items });
  expect((await sample("rows", 5)).items).toEqual(items.slice(0, 5));
  expect((await sample("rows", 20, { seed: 2 })).items).not.toEqual(items.slice(0, 20));
  expect((await sample("records", 1e6)).items).toHaveLength((await documentsOf(dir)).size);
});

/** Each curate starts a language detector, which takes seconds on a busy machine. */
const slow = { timeout: 600_000 };

test(
  "what was rejected goes, what was edited says the new text, scores stay with the rows",
  slow,
  async () => {
    expect(skipped(await make(dir))).toBe(true);
    const before = await rowsOf(dir);
    const rows = (await sample("rows", 1e4)).items as RowItem[];
    const of = (domain: string): RowItem[] => rows.filter(({ tags }) => tags.domain === domain);
    const records = (await sample("records", 12)).items as RecordItem[];
    const jokes = records.filter(({ kind }) => kind === "joke");
    const sayings = records.filter(({ kind }) => kind === "aphorism");
    const [bad, scored] = of("no-tool");
    const [fine] = of("tool-error");
    const [answer] = of("tool");
    const mended = "I have looked it up, and you would not like it.";
    await putVerdict(dir, bad!, { verdict: "reject", voice: 1, note: "sounds like a bank" });
    await putVerdict(dir, scored!, { voice: 4, wit: 2 });
    await putVerdict(dir, fine!, { verdict: "accept" });
    await putVerdict(dir, answer!, { text: mended });
    await putVerdict(dir, jokes[0]!, { verdict: "reject" });
    await putVerdict(dir, jokes[1]!, { text: "A better joke. It is shorter.", wit: 5 });
    await putVerdict(dir, sayings[0]!, { voice: 3 });

    expect(skipped(await make(dir))).toBe(false);
    expect(skipped(await make(dir))).toBe(true);
    const after = await rowsOf(dir);
    const documents = await documentsOf(dir);
    expect(after.has(bad!.id)).toBe(false);
    expect(after.get(scored!.id)!.meta.review).toEqual({ verdict: "accept", voice: 4, wit: 2 });
    // Nobody wants a training anew for an "accept".
    expect(after.get(fine!.id)).toEqual(before.get(fine!.id));
    expect((await why(dir, fine!.id, signal)) as RowStory).toMatchObject({
      type: "row",
      review: { verdict: "accept" },
    });
    const edited = after.get(answer!.id)!;
    expect(edited.messages.at(-1)!.content).toBe(mended);
    expect(edited.messages.slice(0, -1)).toEqual(before.get(answer!.id)!.messages.slice(0, -1));
    expect(edited.meta.review).toEqual({ verdict: "edit", was: answer!.of });
    expect(documents.has(jokes[0]!.id)).toBe(false);
    expect(documents.get(jokes[1]!.id)!.text).toBe("A better joke. It is shorter.");
    const joke = [...after.values()].find(({ meta }) => meta.parents.includes(jokes[1]!.id))!;
    expect(joke.messages.at(-1)!.content).toBe("A better joke. It is shorter.");
    expect(joke.meta.review).toEqual({ verdict: "edit", wit: 5, was: jokes[1]!.of });
    for (const row of after.values()) {
      expect(row.meta.parents).not.toContain(jokes[0]!.id);
      if (row.meta.parents.includes(sayings[0]!.id)) expect(row.meta.review?.voice).toBe(3);
    }

    const told = (await why(dir, bad!.id, signal)) as RecordStory;
    expect(told).toMatchObject({
      kind: "row",
      outcome: "dropped",
      reason: "review: rejected by a reviewer",
      verdicts: [{ step: "review", verdict: "drop", numbers: { voice: 1 } }],
      review: { verdict: "reject", note: "sounds like a bank" },
      text: expect.stringContaining(
        String(before.get(bad!.id)!.messages.at(-1)!.content),
      ) as string,
    });
    expect(((await why(dir, answer!.id, signal)) as RowStory).review).toMatchObject({
      verdict: "edit",
      before: before.get(answer!.id)!.messages.at(-1)!.content,
    });
    expect(await why(dir, jokes[0]!.id, signal)).toMatchObject({
      outcome: "dropped",
      reason: "review: rejected by a reviewer",
      text: jokes[0]!.text,
    });
    expect(await why(dir, jokes[1]!.id, signal)).toMatchObject({
      outcome: "kept",
      review: { verdict: "edit", before: jokes[1]!.text },
    });

    // An edit of what was edited, and another mind about what was rejected.
    await putVerdict(dir, await findItem(dir, jokes[1]!.id, signal), { text: "The best joke." });
    await putVerdict(dir, await findItem(dir, bad!.id, signal), { verdict: "accept" });
    await putVerdict(dir, await findItem(dir, jokes[0]!.id, signal), { verdict: "accept" });
    // And what harms nothing: a review of what is no longer made, and a line that is none.
    await putVerdict(dir, { ...fine!, id: "episode-999999", of: "0".repeat(64) }, { recipe: "t" });
    await appendFile(dir.reviews, '{"of":"');
    expect(notices(await make(dir))).toEqual([
      expect.stringMatching(/^1 lines of the reviews are no reviews and were passed over: \d+$/),
      "1 reviews of this recipe are of texts that it no longer makes: episode-999999",
    ]);
    expect((await documentsOf(dir)).get(jokes[1]!.id)).toMatchObject({
      text: "The best joke.",
      review: { was: jokes[1]!.of },
    });
    expect((await documentsOf(dir)).has(jokes[0]!.id)).toBe(true);
    expect((await rowsOf(dir)).has(bad!.id)).toBe(true);
    const judged = (await sample("rows", 1e4)).items.map(({ id }) => id);
    for (const { id } of [bad!, scored!, fine!, answer!]) expect(judged).not.toContain(id);
    expect((await sample("rows", 1e4, { again: true })).items.map(({ id }) => id)).toContain(
      answer!.id,
    );
  },
);

test(
  "another run of the recipe heeds them too, with the same bytes; those of other recipes change nothing",
  slow,
  async () => {
    const other = runDir(join(folder, "other"));
    await make(other);
    for (const path of ["train", "valid", "test"] as const)
      expect(await readFile(other.dataset[path], "utf8")).toBe(
        await readFile(dir.dataset[path], "utf8"),
      );
    await rm(other.root, { recursive: true });
    // Deleting a run deletes none of them.
    expect((await readReviews(dir.reviews)).byKey.size).toBeGreaterThan(5);
    const [item] = (await sample("rows", 1)).items;
    await putVerdict(dir, item!, { verdict: "reject", recipe: "another" });
    expect(skipped(await make(dir))).toBe(true);
  },
);

test("what cannot be judged, or cannot say what it should, is refused", async () => {
  const answer = (await sample("rows", 1e4)).items.find(
    (item) => item.type === "row" && item.tags.domain === "tool",
  )!;
  const record = (await sample("records", 1)).items[0]!;
  for (const [item, text, message] of [
    [answer, "It is 999 degrees there.", /not in the tool's result: 999/],
    [answer, " ", /is empty/],
    [record, (record as RecordItem).text, /says that already/],
  ] as const)
    await expect(putVerdict(dir, item, { text })).rejects.toMatchObject({
      code: "data/bad-review",
      message: expect.stringMatching(message) as string,
    });
  await expect(putVerdict(dir, record, { verdict: "edit" })).rejects.toThrow("needs its new text");
  await expect(putVerdict(dir, record, { verdict: "reject", text: "x" })).rejects.toThrow(
    "contradict",
  );
  await expect(findItem(dir, "no-tool-0000", signal)).rejects.toMatchObject({
    code: "data/not-reviewable",
  });
});
