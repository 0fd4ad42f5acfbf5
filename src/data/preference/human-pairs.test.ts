/** What people chose and edited, up to the file that stage `preference` reads. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Message } from "../../core/chat.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { type Preference, PreferenceRow, toPreferenceRow } from "../../core/preference.ts";
import { parseRecipe } from "../../core/recipe.ts";
import { type RunDir, runDir } from "../../core/run-dir.ts";
import { readManifest, runStage } from "../../core/stage.ts";
import { collect } from "../collect.ts";
import { curate } from "../curate.ts";
import { putVerdict } from "../review/put-verdict.ts";
import { type RowItem } from "../review/review-item.ts";
import { sampleForReview } from "../review/sample-reviews.ts";
import { questionKey } from "../synth/cases.ts";
import { type PairTally, admitPairs } from "./admit-pairs.ts";
import { lastQuestion } from "./prompts.ts";

let folder = "";
let dir: RunDir;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-votes-"));
  dir = runDir(join(folder, "t"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const { signal } = new AbortController();

const user = (content: string): Message => ({ role: "user", content });
const answer = (content: string): Message => ({ role: "assistant", content });
const call = (location: string, name = "get_current_weather"): Message => ({
  role: "assistant",
  content: null,
  toolCalls: [{ id: "c", name, arguments: { location } }],
});
const result: Message = {
  role: "tool",
  toolCallId: "c",
  content: '{"location":"Rome, Italy","temperature":62,"conditions":"fog","units":"fahrenheit"}',
};
const pair = (prompt: Message[], chosen: Message, rejected: Message, key = "k"): Preference => ({
  id: "v",
  prompt,
  chosen: [chosen],
  rejected: [rejected],
  tags: { persona: "neutral", domain: "tool", source: "votes", synthetic: false },
  meta: { parents: [], licence: "CC0-1.0", split_key: key },
});
async function admit(
  pairs: readonly Preference[],
  heldBack: string[] = [],
): Promise<{ rows: PreferenceRow[]; tally: PairTally }> {
  const tally: PairTally = { rows: 0, kinds: {}, licence: {}, rejected: {} };
  async function* all(): AsyncGenerator<Preference> {
    yield* pairs;
  }
  const isAsked = ({ prompt }: Preference): boolean =>
    heldBack.includes(questionKey(lastQuestion(prompt)));
  const rows: PreferenceRow[] = [];
  for await (const row of admitPairs(all(), isAsked, tally)) rows.push(row);
  return { rows, tally };
}

const inRome = [user("How is it in Rome?"), call("Rome"), result];

test.each([
  ["a better side like the worse one", pair([user("Hi")], answer("a"), answer("a")), "equal-sides"],
  [
    "a call for a place that nobody named",
    pair([user("Is it hot?")], call("Rome"), answer("Where?")),
    "ungrounded-argument",
  ],
  [
    "a better answer that the tool did not give",
    pair(inRome, answer("Rome has fog and 71 degrees."), answer("No idea.")),
    "unfaithful",
  ],
  [
    "what the evaluation asks",
    pair([user("Rain, in Rome??")], answer("a"), answer("b")),
    "asked-in-evaluation",
  ],
])("%s is left out, and counted", async (_, bad, reason) => {
  const { rows, tally } = await admit([bad], ["rain in rome"]);
  expect(rows).toEqual([]);
  expect(tally.rejected).toEqual({ [`pair: ${reason}`]: 1 });
});

test("what people may choose: faithful answers, calls of what was said, calls of other tools", async () => {
  const good = [
    pair(inRome, answer("Rome has fog and 62 degrees."), answer("Rome has fog and 71 degrees.")),
    pair([user("How is it in Rome?")], call("Rome"), answer("Where?")),
    pair([...inRome, answer("Fog.")].concat(user("And now?")), call("Rome"), answer("Fog.")),
    pair([user("Wake me.")], call("six", "set_alarm"), answer("No.")),
  ];
  const { rows, tally } = await admit([...good, good[0]!]);
  expect(rows).toEqual(good.map(toPreferenceRow));
  expect(tally).toEqual({
    rows: 4,
    kinds: { human: 4 },
    licence: { "CC0-1.0": 4 },
    rejected: { "pair: duplicate": 1 },
  });
});

test("pairs with one prompt have one split key, so that no prompt is on two sides", async () => {
  const prompt = [user("Hi")];
  const { rows } = await admit([
    pair(prompt, answer("a"), answer("b"), "one"),
    pair([user("Ho")], answer("a"), answer("b"), "two"),
    pair(prompt, answer("a"), answer("c"), "two"),
  ]);
  expect(rows.map(({ meta }) => meta.split_key)).toEqual(["one", "two", "one"]);
});

const recipeWith = (preference: object | undefined, decontaminate?: object) =>
  parseRecipe(
    {
      name: "t",
      data: { sources: [{ kind: "bundled", sets: ["franklin"] }] },
      curate: {
        episodes: { train: 40, cases: 2 },
        ...(preference && { preference }),
        ...(decontaminate && { decontaminate }),
      },
      base: { kind: "folder", path: "nowhere" },
      train: { steps: 1, learningRate: 1e-3 },
    },
    "test",
  );
async function make(preference: object | undefined, decontaminate?: object): Promise<string[]> {
  const recipe = recipeWith(preference, decontaminate);
  const notices: string[] = [];
  await curate.check!(recipe, dir, signal);
  for (const stage of [collect, curate])
    for await (const event of runStage(stage as typeof curate, recipe, dir, signal))
      if (event.type === "notice") notices.push(event.message);
  return notices;
}
async function written(): Promise<PreferenceRow[]> {
  const rows: PreferenceRow[] = [];
  for await (const row of readJsonl(dir.dataset.preference, PreferenceRow)) rows.push(row);
  return rows;
}
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Each curate starts a language detector, which takes seconds on a busy machine. */
const slow = { timeout: 600_000 };

test(
  "curate writes made pairs, votes and edits; the rows stay as they were without them",
  slow,
  async () => {
    // A file of a user's own is never lost.
    await mkdir(dir.dataset.root, { recursive: true });
    await writeFile(dir.dataset.preference, "mine\n");
    await make(undefined);
    expect(await readFile(dir.dataset.preference, "utf8")).toBe("mine\n");
    const train = await readFile(dir.dataset.train, "utf8");

    const votes = join(folder, "votes.jsonl");
    const vote = pair(inRome, answer("Rome has fog and 62 degrees."), answer("It is nice."));
    await writeFile(votes, `${JSON.stringify(toPreferenceRow(vote))}\n`);
    const counts = { decisions: 6, voice: 4, grounded: 4, votes };
    expect(await make(counts)).toEqual([expect.stringContaining("preference.jsonl.before")]);
    expect(await readFile(`${dir.dataset.preference}.before`, "utf8")).toBe("mine\n");
    expect(await readFile(dir.dataset.train, "utf8")).toBe(train);
    const rows = await written();
    expect(rows).toHaveLength(15);
    expect(rows.at(-1)).toEqual(toPreferenceRow(vote));
    const manifest = (await readManifest(dir, "curate"))!;
    expect(manifest.counts.preference).toBe(15);
    expect(manifest.outputs.find(({ path }) => path.endsWith("preference.jsonl"))?.aside).toBe(
      true,
    );
    expect(await readFile(dir.dataset.card, "utf8")).toMatch(/\| human \| 1 \|/);

    // Edited on the training side: a pair. On the others: none.
    const { items } = await sampleForReview(dir, {
      what: "rows",
      count: 1e4,
      seed: 1,
      again: false,
      signal,
    });
    const banter = (items as RowItem[]).filter(({ tags }) => tags.domain === "literary");
    const ours = banter.find(({ split }) => split === "train")!;
    const theirs = banter.find(({ split }) => split === "test")!;
    for (const item of [ours, theirs])
      await putVerdict(dir, item, { text: `No better than ${item.id}.` });
    await make(counts);
    const edited = (await written()).filter(({ id }) => id.startsWith("preference-edit-"));
    expect(edited).toMatchObject([
      {
        id: `preference-edit-${ours.id}`,
        prompt: ours.messages.slice(0, -1),
        chosen: [{ role: "assistant", content: `No better than ${ours.id}.` }],
        rejected: ours.messages.slice(-1),
      },
    ]);

    // Without the section nothing that an earlier recipe made is trained on.
    await make(undefined);
    expect(await exists(dir.dataset.preference)).toBe(false);
  },
);

test(
  "votes that are not there, or no rows, are told before anything runs; no pairs are an error",
  slow,
  async () => {
    const votes = join(folder, "votes.jsonl");
    await expect(make({ votes })).rejects.toMatchObject({ code: "curate/no-votes" });
    await writeFile(votes, '{"id":"x"}\n');
    await expect(make({ votes })).rejects.toMatchObject({ code: "core/bad-jsonl" });
    expect(await exists(dir.root)).toBe(false);
    // Each of the two is asked by an evaluation of the user's.
    const questions = [
      "Which of the seven seas is the saltiest one?",
      "Why do the bells of Ghent ring twice?",
    ];
    const rows = questions.map((asks) => pair([user(asks)], answer("a"), answer("b")));
    await writeFile(votes, rows.map((row) => `${JSON.stringify(toPreferenceRow(row))}\n`).join(""));
    const own = join(folder, "own.jsonl");
    await writeFile(
      own,
      questions.map((asks) => `${JSON.stringify({ question: asks })}\n`).join(""),
    );
    await expect(make({ votes }, { files: [own] })).rejects.toMatchObject({
      code: "curate/no-pairs",
      message: expect.stringContaining('{"pair: asked-in-evaluation":2}') as string,
    });
  },
);
