/** Against a real HTTP server that answers as a hub does, and breaks off, lies and refuses when told to. */
import { mkdir, mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type HubServer, startHub } from "../../test/fakes/hub-server.ts";
import { packageRoot } from "../core/package-root.ts";
import { readModel } from "./folder.ts";
import { damagedFiles, refuseDamaged } from "./hub-cache.ts";
import { type HubProgress, fetchFromHub, hubConnection, hubFolder } from "./hub.ts";

const source = join(packageRoot(), "test", "golden", "llama31");
const model = { name: "someone/tiny", revision: "main" };
const SHARD = "model-00001-of-00003.safetensors";

let place = "";
let hub: HubServer;
let controller: AbortController;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "twainbot-hub-"));
  hub = await startHub(source, model.name);
  controller = new AbortController();
  vi.stubEnv("TWAINBOT_CACHE", place);
  vi.stubEnv("HF_ENDPOINT", hub.endpoint);
  vi.stubEnv("HF_TOKEN", "hf_secret");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.close();
  await rm(place, { recursive: true, force: true });
});

async function fetched(which = model, network = true): Promise<HubProgress[]> {
  const connection = { ...hubConnection(controller.signal), delaySeconds: 0.01 };
  const seen: HubProgress[] = [];
  for await (const progress of fetchFromHub(which, connection, network)) seen.push(progress);
  return seen;
}
const ranges = (file: string): string[] =>
  hub.requests
    .filter((line) => line.startsWith(`CDN ${file} `))
    .map((line) => line.split(" ").at(-1)!);

test("a model comes whole, with progress, and without the files that nothing reads", async () => {
  const progress = await fetched();
  expect(progress.at(-1)!.done).toBe(progress.at(-1)!.total);
  progress.reduce((last, { done }) => (expect(done).toBeGreaterThanOrEqual(last), done), 0);
  expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
  expect((await readdir(hubFolder(model))).toSorted()).toEqual(
    [
      "config.json",
      "download.json",
      "verified.json",
      ...(await readdir(source)).filter((name) => name.startsWith("model")),
    ].toSorted(),
  );
  expect({ authorised: hub.authorised, leaked: hub.leaked }).toEqual({
    authorised: true,
    leaked: false,
  });
});

test("once there it is used without the network, by its revision", async () => {
  await fetched();
  await hub.close();
  await expect(fetched(model, false)).resolves.toEqual([]);
  await expect(fetched({ ...model, revision: "v1" }, false)).rejects.toMatchObject({
    code: "model/network-off",
    hint: expect.stringContaining("data.network=true"),
  });
});

test("a transfer that breaks off goes on at the byte where it broke", async () => {
  hub.breaks = [5000, 3000];
  await fetched();
  expect(ranges(SHARD)).toEqual(["whole", "bytes=5000-", "bytes=8000-"]);
  expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
});

test("so does a later run, after too many breaks; what had come is not asked for again", async () => {
  hub.breaks = [4000, 0, 0, 0];
  await expect(fetched()).rejects.toMatchObject({
    code: "model/hub-unreachable",
    message: expect.stringContaining(SHARD),
  });
  await expect(fetched(model, false)).rejects.toMatchObject({ code: "model/network-off" });
  await fetched();
  expect(ranges(SHARD)).toEqual(["whole", ...Array<string>(4).fill("bytes=4000-")]);
  expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
});

test("a server that ignores ranges is taken from the start", async () => {
  hub.breaks = [4000];
  hub.ignoresRanges = true;
  await fetched();
  expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
});

test("an abort stops the transfer and keeps its bytes", async () => {
  hub.breaks = [4000, 4000, 4000];
  const work = fetchFromHub(model, hubConnection(controller.signal), true);
  await work.next();
  controller.abort();
  await expect(
    (async () => {
      for await (const _ of work);
    })(),
  ).rejects.toThrow(/abort/i);
  await expect(stat(join(hubFolder(model), "download.json"))).rejects.toThrow();
});

describe("bytes with another hash than the hub's", () => {
  test("are fetched again once", async () => {
    hub.corrupt.set(SHARD, 1);
    await fetched();
    expect(ranges(SHARD)).toEqual(["whole", "whole"]);
    expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
  });

  test("and then refused", async () => {
    hub.corrupt.set(SHARD, 2);
    await expect(fetched()).rejects.toMatchObject({
      code: "model/hub-damaged",
      message: expect.stringContaining(SHARD),
    });
    expect((await readdir(hubFolder(model))).filter((name) => name.startsWith(SHARD))).toEqual([]);
  });

  test("also where they were put into the cache by hand", async () => {
    hub.breaks = [0, 0, 0, 0];
    await expect(fetched()).rejects.toMatchObject({ code: "model/hub-unreachable" });
    await writeFile(join(hubFolder(model), SHARD), await readFile(join(source, "config.json")));
    await fetched();
    expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
  });
});

describe("a file that changed in the cache", () => {
  const cached = (file = SHARD): string => join(hubFolder(model), file);
  const whole = async (): Promise<void> =>
    expect((await readModel(hubFolder(model))).hash).toBe((await readModel(source)).hash);
  const overwrite = async (): Promise<void> => {
    const bytes = await readFile(cached());
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(cached(), bytes);
    await utimes(cached(), 1, 1);
  };

  test.each<[string, () => Promise<void>]>([
    ["to other bytes", overwrite],
    ["by being cut", () => writeFile(cached(), "short")],
    ["by being deleted", () => rm(cached())],
  ])(
    "%s is told without the network and fetched with it, and nothing else is",
    async (_how, harm) => {
      await fetched();
      expect(await damagedFiles(hubFolder(model))).toEqual([]);
      const record = await readFile(cached("download.json"), "utf8");
      hub.requests.length = 0;
      await harm();
      await expect(fetched(model, false)).rejects.toMatchObject({
        code: "model/cache-damaged",
        message: expect.stringContaining(SHARD),
        hint: expect.stringContaining("data.network=true"),
      });
      await expect(refuseDamaged(hubFolder(model))).rejects.toMatchObject({
        code: "model/cache-damaged",
      });
      expect(hub.requests).toEqual([]);
      await fetched();
      expect(hub.requests.filter((line) => line.startsWith("CDN"))).toEqual([`CDN ${SHARD} whole`]);
      // Of the commit that is known already: a branch is not asked where it stands.
      expect(hub.requests.filter((line) => line.includes("/api/"))).toEqual([]);
      expect(await readFile(cached("download.json"), "utf8")).toBe(record);
      await whole();
      await fetched(model, false);
    },
  );

  test("in nothing but its time is fine, once its hash was seen", async () => {
    await fetched();
    await refuseDamaged(hubFolder(model));
    await utimes(cached(), 1000, 1000);
    await fetched(model, false);
    const times = JSON.parse(await readFile(cached("verified.json"), "utf8")) as object;
    expect(times).toMatchObject({ [SHARD]: 1_000_000 });
  });

  test("in a folder that nobody downloaded is nobody's business here", async () => {
    await refuseDamaged(source);
    expect(await damagedFiles(join(place, "nothing"))).toEqual([]);
  });
});

describe("refusals say what to do, and never the token", () => {
  const cases: [string, () => void, typeof model, string, RegExp][] = [
    [
      "a licence that was not accepted",
      () => hub.instead.push({ status: 403, headers: { "x-error-code": "GatedRepo" } }),
      model,
      "model/hub-access",
      /403 \(GatedRepo\)/,
    ],
    [
      "a name that does not exist",
      () => undefined,
      { name: "someone/other", revision: "main" },
      "model/hub-access",
      /someone\/other.*401 \(RepoNotFound\)/,
    ],
    [
      "a revision that does not exist",
      () => hub.instead.push({ status: 404, headers: { "x-error-code": "RevisionNotFound" } }),
      model,
      "model/hub-not-found",
      /404 \(RevisionNotFound\)/,
    ],
    [
      "a host that is down",
      () => hub.instead.push(...Array.from({ length: 4 }, () => ({ status: 503 }))),
      model,
      "model/hub-unreachable",
      /4 attempts failed: status 503/,
    ],
    [
      "nobody there",
      () => vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:9"),
      model,
      "model/hub-unreachable",
      /attempts failed/,
    ],
    [
      "a host that is no hub",
      () => hub.instead.push({ status: 200, body: "<html>" }),
      model,
      "model/hub-bad-answer",
      /someone\/tiny/,
    ],
  ];
  test.each(cases)("%s", async (_name, prepare, which, code, message) => {
    prepare();
    const error: unknown = await fetched(which).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain("hf_secret");
  });

  test("a hub that wants a long pause is not asked again, and says when", async () => {
    const headers = { "retry-after": "290" };
    hub.instead.push({ status: 429, headers });
    await expect(fetched()).rejects.toMatchObject({
      code: "model/hub-unreachable",
      message: expect.stringContaining("1 attempt failed: status 429"),
      hint: expect.stringMatching(/in 290 s.*HF_TOKEN/),
    });
    const soon = new Date(Date.now() + 3_600_000).toUTCString();
    hub.instead.push({ status: 429, headers: { "retry-after": soon } });
    await expect(fetched()).rejects.toMatchObject({ hint: expect.stringMatching(/in 3\d\d\d s/) });
    expect(hub.requests).toHaveLength(2);
  });

  test("a short failure is passed over", async () => {
    hub.instead.push({ status: 503 }, { status: 429 });
    await fetched();
  });

  test("a model of a family we do not run is refused before its weights are fetched", async () => {
    const folder = join(place, "mamba");
    await mkdir(folder);
    await writeFile(join(folder, "model.safetensors"), "");
    const config = JSON.parse(await readFile(join(source, "config.json"), "utf8")) as object;
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ ...config, model_type: "mamba" }),
    );
    const other = await startHub(folder, model.name);
    vi.stubEnv("HF_ENDPOINT", other.endpoint);
    await expect(fetched()).rejects.toMatchObject({ code: "model/unsupported" });
    expect(other.requests.filter((line) => line.startsWith("CDN"))).toEqual([]);
    await other.close();
  });
});
