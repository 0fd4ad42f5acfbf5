/** Against a hub on the loopback that checks hashes, parts and commits; Hugging Face's own client pushes to it too (docs/exports.md). */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type UploadHub, startUploadHub } from "../../test/fakes/hub-upload-server.ts";
import { type PushOptions, type PushResult, localFile, pushDataset } from "./push-dataset.ts";

const TOKEN = "hf_secret";
let folder = "";
let hub: UploadHub;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-push-"));
  hub = await startUploadHub(TOKEN);
  await writeFile(join(folder, "README.md"), "# Card\n");
  await writeFile(join(folder, "valid.jsonl"), "v".repeat(2500));
  // More than a part holds, and not a whole number of them.
  await writeFile(
    join(folder, "train.jsonl"),
    Array.from({ length: 2000 }, (_, i) => `row ${i}`).join("\n"),
  );
});
afterEach(async () => {
  await hub.close();
  await rm(folder, { recursive: true, force: true });
});

const NAME = "me/parlour";
async function push(
  options: Partial<PushOptions> & { token?: string; signal?: AbortSignal } = {},
): Promise<PushResult> {
  const { token = TOKEN, signal = new AbortController().signal, ...rest } = options;
  const files = await Promise.all(
    ["README.md", "train.jsonl", "valid.jsonl"].map((path) => localFile(folder, path, signal)),
  );
  const connection = { endpoint: hub.endpoint, token, signal, delaySeconds: 0.01 };
  const work = pushDataset(connection, {
    name: NAME,
    files,
    visibility: "private",
    summary: "rows",
    ...rest,
  });
  for (;;) {
    const next = await work.next();
    if (next.done) return next.value;
  }
}
const sentToStorage = (): string[] => hub.requests.filter((line) => line.startsWith("PUT "));

test("a new repository is private, and has every byte: small files in the commit, large ones in storage and in parts", async () => {
  const result = await push({ tag: "v1" });
  const repository = hub.repositories.get(NAME)!;
  expect(result).toEqual({
    created: true,
    commit: repository.commit,
    changed: ["README.md", "train.jsonl", "valid.jsonl"],
    sentBytes: 7 + 2500 + hub.read(NAME, "train.jsonl")!.length,
  });
  expect(repository.private).toBe(true);
  expect(repository.tags.get("v1")).toBe(repository.commit);
  for (const path of result.changed)
    expect(hub.read(NAME, path)!.length).toBe(
      (await localFile(folder, path, new AbortController().signal)).bytes,
    );
  expect(hub.read(NAME, "train.jsonl")!.toString().endsWith("row 1999")).toBe(true);
  const whole = Math.floor(hub.read(NAME, "train.jsonl")!.length / hub.partSize);
  const rest = hub.read(NAME, "train.jsonl")!.length % hub.partSize;
  expect(sentToStorage()).toEqual([
    ...Array.from({ length: whole }, (_, i) => `PUT ${i + 1} ${hub.partSize}`),
    `PUT ${whole + 1} ${rest}`,
    "PUT whole 2500",
  ]);
  expect(hub.leaked).toBe(false);
});

test("pushed again, nothing is sent and nothing is committed", async () => {
  const { commit } = await push();
  hub.requests.length = 0;
  expect(await push()).toEqual({ created: false, commit, changed: [], sentBytes: 0 });
  expect(sentToStorage()).toEqual([]);
  expect(hub.requests.filter((line) => line.includes("/commit/"))).toEqual([]);
});

test("only what changed is sent, and what someone else put there stays", async () => {
  await push();
  hub.repositories.get(NAME)!.files.set("notes.md", { bytes: Buffer.from("mine") });
  await writeFile(join(folder, "valid.jsonl"), "w".repeat(2500));
  expect(await push()).toMatchObject({ changed: ["valid.jsonl"], sentBytes: 2500 });
  expect(hub.read(NAME, "notes.md")!.toString()).toBe("mine");
});

describe("interrupted", () => {
  test("a part that breaks off is sent again", async () => {
    hub.breaks = [1000, 500];
    await push();
    expect(hub.read(NAME, "train.jsonl")!.toString().endsWith("row 1999")).toBe(true);
  });

  test("after too many breaks nothing is shown; the next push does not send again what arrived", async () => {
    const broken = push();
    const train = await localFile(folder, "train.jsonl", new AbortController().signal);
    while (!hub.objects.has(train.sha256)) await new Promise((resolve) => setTimeout(resolve, 1));
    hub.breaks = [10, 10, 10, 10];
    await expect(broken).rejects.toMatchObject({
      code: "model/hub-unreachable",
      message: expect.stringContaining("valid.jsonl"),
      hint: expect.stringContaining("Run the same command again"),
    });
    expect(hub.repositories.get(NAME)!.files.size).toBe(0);
    hub.requests.length = 0;
    expect(await push()).toMatchObject({ created: false, changed: expect.any(Array) });
    expect(sentToStorage()).toEqual(["PUT whole 2500"]);
    expect(hub.read(NAME, "train.jsonl")).toBeDefined();
  });

  test("an abort stops it before anything is shown", async () => {
    const controller = new AbortController();
    const broken = push({ signal: controller.signal });
    while (sentToStorage().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    controller.abort();
    await expect(broken).rejects.toMatchObject({ name: "AbortError" });
    expect(hub.repositories.get(NAME)!.files.size).toBe(0);
  });

  test("a short failure of the hub is passed over", async () => {
    hub.instead.push({ status: 503 }, { status: 429 });
    await push();
    expect(hub.repositories.get(NAME)!.files.size).toBe(3);
  });
});

describe("refusals say what to do, and never the token", () => {
  const existing = (visible: { private: boolean }): void => {
    hub.repositories.set(NAME, {
      ...visible,
      commit: "0".repeat(40),
      files: new Map(),
      tags: new Map([["v1", "1".repeat(40)]]),
    });
  };
  const cases: [string, () => void, Parameters<typeof push>[0], string, RegExp][] = [
    ["a wrong token", () => undefined, { token: "hf_wrong" }, "export/hub-access", /401 \(Invalid/],
    [
      "a name that the token may not write to",
      () => undefined,
      { name: "strangers/parlour" },
      "export/hub-access",
      /403 \(You don't have the rights/,
    ],
    [
      "a private push to a public repository",
      () => existing({ private: false }),
      {},
      "export/hub-public",
      /me\/parlour is public/,
    ],
    [
      "a hub that makes it public all the same",
      () => void (hub.ignoresPrivate = true),
      {},
      "export/hub-public",
      /public/,
    ],
    [
      "a tag that is there",
      () => existing({ private: true }),
      { tag: "v1" },
      "export/hub-tag",
      /has a v1 already/,
    ],
    [
      "what the hub does not want, in its own words",
      () => hub.instead.push({ status: 400, body: `{"error":"bad name, ${TOKEN}"}` }),
      {},
      "export/hub-refused",
      /400 \(bad name, …\)/,
    ],
    [
      "a host that is no hub",
      () => hub.instead.push({ status: 200, body: "<html>" }),
      {},
      "export/hub-bad-answer",
      /not what a hub sends/,
    ],
    [
      "a host that is down",
      () => hub.instead.push(...Array.from({ length: 4 }, () => ({ status: 502 }))),
      {},
      "model/hub-unreachable",
      /4 attempts failed/,
    ],
    [
      "nobody there",
      () => void (hub.endpoint = "http://127.0.0.1:9"),
      {},
      "model/hub-unreachable",
      /attempts failed/,
    ],
  ];
  test.each(cases)("%s", async (_name, prepare, options, code, message) => {
    prepare();
    const error: unknown = await push(options).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toMatch(/hf_(secret|wrong)/);
    expect(sentToStorage()).toEqual([]);
    expect(hub.repositories.get(NAME)?.files.size ?? 0).toBe(0);
  });

  test("a commit that came between", async () => {
    const broken = push();
    while (sentToStorage().length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    hub.repositories.get(NAME)!.commit = "2".repeat(40);
    await expect(broken).rejects.toMatchObject({
      code: "export/hub-refused",
      message: expect.stringContaining("412 (A commit has happened since.)"),
    });
  });
});

test("a public push to a public repository is what was asked for", async () => {
  expect(await push({ visibility: "public" })).toMatchObject({ created: true });
  expect(hub.repositories.get(NAME)!.private).toBe(false);
});
