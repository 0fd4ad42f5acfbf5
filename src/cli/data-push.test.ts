/** `data push` from a run folder to a hub on the loopback. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type UploadHub, startUploadHub } from "../../test/fakes/hub-upload-server.ts";
import { toRow } from "../core/conversation.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { conversation, talk, twoCalls } from "../data/exports/test-conversations.ts";
import type { Command } from "./command.ts";
import { command as push } from "./data-push.ts";
import { command as tag } from "./data-tag.ts";
import { type Splits, writeRun } from "./test-run.ts";

const TOKEN = "hf_secret";
let runs: string;
let hub: UploadHub;
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), "twainbot-push-"));
  hub = await startUploadHub(TOKEN);
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_TOKEN", TOKEN);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await hub.close();
  await rm(runs, { recursive: true, force: true });
});

/** What is written to stdout and stderr together. */
async function told(command: Command, ...args: string[]): Promise<string> {
  let text = "";
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, "write").mockImplementation((data) => {
      text += String(data);
      return true;
    });
  try {
    expect(await command.start([...args, "--runs", runs], new AbortController().signal)).toBe(0);
  } finally {
    vi.restoreAllMocks();
  }
  expect(text).not.toContain(TOKEN);
  return text;
}

const closed = conversation(talk.messages, { licence: "all rights reserved" });
const open: Splits = { train: [twoCalls, talk], valid: [talk], test: [talk] };
const mixed: Splits = { ...open, train: [twoCalls, closed, talk] };
const NAME = "me/parlour";
const readme = (): string => hub.read(NAME, "README.md")!.toString();

test("a version goes up private, as lines and Parquet, with its card and its tag", async () => {
  const dir = await writeRun(join(runs, "tiny"), open);
  const { id, tags, meta } = toRow(talk);
  const pair = { prompt: talk.messages.slice(0, 1), chosen: talk.messages.slice(1), tags, meta };
  await writeJsonl(dir.dataset.preference, [
    { id, ...pair, rejected: [{ role: "assistant", content: "Nothing." }] },
  ]);
  await told(tag, "tiny", "v1");
  const text = await told(push, "tiny@v1", NAME);
  expect(text).toContain(`${hub.endpoint}/datasets/${NAME}, private, tag v1`);
  expect(text).toMatch(/Made the repository\. Sent .* for 9 files: commit [0-9a-f]{12}\./);
  const repository = hub.repositories.get(NAME)!;
  expect(repository.private).toBe(true);
  expect([...repository.tags.keys()]).toEqual(["v1"]);
  expect([...repository.files.keys()].toSorted()).toEqual([
    "README.md",
    ...["preference", "test", "train", "valid"].flatMap((name) => [
      `${name}.jsonl`,
      `${name}.parquet`,
    ]),
  ]);
  expect(readme()).toContain('path: "train.parquet"');
  expect(readme()).toContain('config_name: "preference"');
  expect(readme()).toContain("| train | `train.parquet`, `train.jsonl` | 2 |");
  const bytes = hub.read(NAME, "train.parquet")!;
  const file = new Uint8Array(bytes).buffer;
  expect(await parquetReadObjects({ file })).toMatchObject([
    { id: twoCalls.id, messages: [{ role: "system" }, {}, {}, {}, {}, {}] },
    { id: talk.id, messages: [{ content: "Say something." }, {}] },
  ]);
  expect(await told(push, "tiny@v1", NAME)).toContain("All of it was there already.");
});

test("rows that may not be handed on stop it, or stay here, or go where nobody else sees them", async () => {
  await writeRun(join(runs, "tiny"), mixed);
  await expect(told(push, "tiny", NAME)).rejects.toMatchObject({
    code: "export/not-redistributable",
    message: expect.stringContaining("1 rows have a licence"),
    hint: expect.stringContaining("--restricted drop"),
  });
  expect(hub.requests).toEqual([]);

  expect(await told(push, "tiny", NAME, "--restricted", "drop", "--public")).toContain(
    "left out: 1 (a licence that does not let them be handed on)",
  );
  expect(hub.read(NAME, "train.jsonl")!.toString()).not.toContain("all rights reserved");
  expect(readme()).toContain("| a licence that does not let them be handed on | 1 |");
  expect(readme()).toContain('license: "cc0-1.0"');

  const sent = await told(push, "tiny", "me/private", "--restricted", "send");
  expect(sent).toContain("1 all rights reserved (may not be handed on)");
  expect(hub.repositories.get("me/private")!.private).toBe(true);
});

test("--dry-run asks nobody and needs no token", async () => {
  vi.stubEnv("HF_TOKEN", "");
  await writeRun(join(runs, "tiny"), open);
  expect(await told(push, "tiny", NAME, "--dry-run")).toContain("Nothing was sent");
  const document: unknown = JSON.parse(await told(push, "tiny", NAME, "--dry-run", "--json"));
  expect(document).toMatchObject({
    name: NAME,
    visibility: "private",
    rows: { train: 2, valid: 1, test: 1 },
    licences: { "CC0-1.0": 4 },
    pushed: null,
  });
  expect(hub.requests).toEqual([]);
});

test.each<[string[], string, RegExp]>([
  [["tiny", "no-organisation"], "cli/usage", /no name of a dataset/],
  [["tiny", "me/../x"], "cli/usage", /no name of a dataset/],
  [["tiny", NAME, "--restricted", "maybe"], "cli/usage", /--restricted cannot be maybe/],
  [["tiny", NAME, "--restricted", "send", "--public"], "cli/usage", /exclude each other/],
  [["tiny@v9", NAME], "data/unknown-version", /no version v9/],
])("refused: %j", async (args, code, message) => {
  await writeRun(join(runs, "tiny"), open);
  await expect(told(push, ...args)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  });
  expect(hub.requests).toEqual([]);
});

test("without a token nothing is asked", async () => {
  vi.stubEnv("HF_TOKEN", "");
  await writeRun(join(runs, "tiny"), open);
  await expect(told(push, "tiny", NAME)).rejects.toMatchObject({
    code: "export/hub-access",
    hint: expect.stringContaining("HF_TOKEN"),
  });
  expect(hub.requests).toEqual([]);
});
