import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { sha256 } from "../../core/hash.ts";
import { huggingface } from "./huggingface.ts";
import { openParquet } from "./parquet-rows.ts";
import { type TestCollection, testCollect } from "./test-collect.ts";
import { type TestServer, startTestServer } from "./test-server.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-dataset-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const collect = (
  entry: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Promise<TestCollection> =>
  testCollect(
    huggingface,
    {
      datasets: [
        {
          licence: "CC0-1.0",
          kind: "joke",
          columns: { text: "joke" },
          ...entry,
        },
      ],
      delaySeconds: 0,
      ...more,
    },
    { cacheDir: join(folder, "cache"), root: folder },
  );

const parquet = (rows: Record<string, unknown>[], rowGroupSize = 100): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: Object.keys(rows[0]!).map((name) => ({
        name,
        data: rows.map((row) => row[name]),
      })),
      rowGroupSize,
    }),
  );

const jokes = Array.from({ length: 7 }, (_, i) => ({
  joke: `Why did cloud ${i} quit? It was "over, it";\nso to speak – again.`,
  n: i,
}));
const csv = (rows: typeof jokes, comma = ","): string =>
  [
    `joke${comma}n`,
    ...rows.map(({ joke, n }) => `"${joke.replaceAll('"', '""')}"${comma}${n}`),
  ].join("\n");
const formats: [string, string | Uint8Array][] = [
  ["jokes.jsonl", jokes.map((row) => JSON.stringify(row)).join("\n")],
  ["jokes.json", JSON.stringify(jokes, null, 1)],
  ["jokes.csv", `\uFEFF${csv(jokes)}`],
  ["jokes.tsv", csv(jokes, "\t")],
  ["jokes.parquet", parquet(jokes, 3)],
];

describe("rows of a file", () => {
  test.each(formats)("%s holds the same jokes as any other", async (name, content) => {
    await put(name, content);
    const { documents, bad } = await collect({ path: name });
    expect(bad).toEqual({});
    expect(documents.map(({ text }) => text)).toEqual(jokes.map(({ joke }) => joke));
    expect(documents[0]).toMatchObject({
      kind: "joke",
      source: "huggingface",
      licence: "CC0-1.0",
      sha256: sha256(jokes[0]!.joke),
      synthetic: false,
      extra: { dataset: name },
    });
    expect(documents[0]!.id).toMatch(new RegExp(`^huggingface:${name}:\\d+$`));
    expect(new Set(documents.map(({ id }) => id)).size).toBe(7);
  });

  test("columns are mapped by the recipe, fields of objects among them", async () => {
    const row = {
      q: "Why is the fog late?",
      a: "It could not find the door.",
      by: { name: "Ada Finch", year: 1871 },
      link: "https://jokes.example/1",
      terms: "CC BY 4.0",
      key: 12,
    };
    await put("x.jsonl", `${JSON.stringify(row)}\n${JSON.stringify({ ...row, terms: null })}`);
    const columns = {
      setup: "q",
      punchline: "a",
      author: "by.name",
      year: "by.year",
      url: "link",
      licence: "terms",
      id: "key",
    };
    const { documents, bad } = await collect({
      path: "x.jsonl",
      columns,
      persona: "twain",
      terms: "https://jokes.example/terms",
    });
    expect(documents).toHaveLength(1);
    expect(bad).toEqual({ "repeated id": 1 });
    expect(documents[0]).toMatchObject({
      id: "huggingface:x.jsonl:12",
      text: "Why is the fog late?\nIt could not find the door.",
      author: "Ada Finch",
      year: 1871,
      url: "https://jokes.example/1",
      licence: "CC BY 4.0",
      extra: {
        setup: "Why is the fog late?",
        punchline: "It could not find the door.",
        persona: "twain",
        terms: "https://jokes.example/terms",
      },
    });
    await put("y.parquet", parquet([{ q: "Why?", a: "Because.", n: 10n ** 15n }]));
    const [found] = (
      await collect({ path: "y.parquet", columns: { setup: "q", punchline: "a", id: "n" } })
    ).documents;
    expect(found!.id).toBe("huggingface:y.parquet:1000000000000000");
  });

  test.each(formats)(
    "%s: a dataset with unknown columns lists the ones there are",
    async (name, content) => {
      await put(name, content);
      const attempt = collect({ path: name, columns: { text: "jokes", title: "heading" } });
      await expect(attempt).rejects.toMatchObject({
        code: "collect/bad-columns",
        message: expect.stringMatching(/no column jokes, heading; it has joke, n$/) as string,
        hint: "Did you mean joke?",
      });
      await expect(collect({ path: name, columns: { text: "constructor" } })).rejects.toMatchObject(
        {
          code: "collect/bad-columns",
        },
      );
    },
  );

  test("CSV with broken quoting loses the broken rows, counted, and no others", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `"Cloud ${i} resigns, citing ""wind""",${i}`);
    rows[10] = `"Cloud 10 never closes its quote,10`;
    rows[20] = `Cloud 20 has a "stray quote,20`;
    rows[30] = `"Cloud 30" says more than it should,"30",31`;
    await put("x.csv", ["joke,n", ...rows].join("\n"));
    const { documents, bad } = await collect({ path: "x.csv" });
    expect(documents).toHaveLength(37);
    expect(Object.values(bad).reduce((sum, count) => sum + count)).toBe(3);
    expect(
      documents.map(({ text }) => text).filter((text) => /\d\d? resigns/.test(text)),
    ).toHaveLength(37);
    await put("y.csv", ["joke,n", ...rows.map((row) => row.slice(1))].join("\n"));
    await expect(collect({ path: "y.csv" })).rejects.toMatchObject({
      code: "collect/too-many-bad-rows",
      message: expect.stringMatching(/\d+ of \d+ rows cannot be used/) as string,
    });
  });

  test("rows that hold no text are counted by reason; a file without any stops the run", async () => {
    const lines = [
      ...jokes.map((row) => JSON.stringify(row)),
      "{",
      "[1]",
      JSON.stringify({ joke: 5, n: 1 }),
    ];
    await put("x.jsonl", lines.join("\n"));
    await expect(collect({ path: "x.jsonl" })).resolves.toMatchObject({
      bad: { "not JSON": 1, "not an object": 1, "no text": 1 },
    });
    await put("empty.jsonl", "\n");
    await expect(collect({ path: "empty.jsonl" })).rejects.toMatchObject({
      code: "collect/bad-columns",
      message: expect.stringContaining("it has none") as string,
    });
    await put("latin.jsonl", Buffer.from(JSON.stringify({ joke: "caf\u00e9" }), "latin1"));
    await expect(collect({ path: "latin.jsonl" })).rejects.toMatchObject({
      code: "collect/not-utf8",
    });
  });

  test("maxRows ends a dataset early; a folder is read in order; formats are not mixed unasked", async () => {
    for (const part of [1, 0])
      await put(
        `d/data/train-0000${part}.jsonl`,
        jokes.map(({ joke, n }) => JSON.stringify({ joke: `${part}: ${joke}`, n })).join("\n"),
      );
    await put("d/README.md", "# jokes");
    const { documents } = await collect({ path: "d", maxRows: 9 });
    expect(documents.map(({ text }) => text.slice(0, 2))).toEqual([
      ...Array<string>(7).fill("0:"),
      "1:",
      "1:",
    ]);
    expect(documents[8]!.id).toBe("huggingface:d:data/train-00001.jsonl:2");
    await put("d/data/train.csv", csv(jokes));
    await expect(collect({ path: "d" })).rejects.toMatchObject({
      code: "collect/bad-dataset",
      message: expect.stringContaining("are .jsonl and .csv") as string,
    });
    expect((await collect({ path: "d", files: ["**.csv"] })).documents).toHaveLength(7);
    expect((await collect({ path: "d", files: ["data/train-*"] })).documents).toHaveLength(14);
    await expect(collect({ path: "d", files: ["*.csv"] })).rejects.toMatchObject({
      code: "collect/bad-dataset",
    });
  });
});

describe("Parquet from anywhere", () => {
  test("is read a row group at a time, and any rows come back", async () => {
    const cell = fc.record({ joke: fc.string({ unit: "grapheme", minLength: 1 }), n: fc.nat() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(cell, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        async (rows, size) => {
          const path = await put("p.parquet", parquet(rows, size));
          const file = await openParquet(path);
          const back = [];
          for await (const row of file.rows(["joke"])) back.push(row);
          expect(back).toEqual(rows.map(({ joke }) => ({ joke })));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("what is damaged or none at all is refused with its path", async () => {
    const good = parquet(jokes);
    const cut = good.subarray(0, good.length - 20);
    const flipped = good.map((byte, i) => (i > 4 && i < 60 ? byte ^ 0xff : byte));
    const long = Uint8Array.from(good);
    new DataView(long.buffer).setUint32(long.length - 8, 0x7fffffff, true);
    for (const bytes of [cut, flipped, long, new Uint8Array(0), Buffer.from("PAR1 no PAR1")]) {
      await put("x.parquet", bytes);
      await expect(collect({ path: "x.parquet" })).rejects.toMatchObject({
        code: expect.stringMatching(/^collect\/(bad-dataset|too-large)$/) as string,
        message: expect.stringContaining("x.parquet") as string,
      });
    }
  });

  test("any damage is an error of ours or rows, never another and never endless", async () => {
    const good = parquet(jokes, 3);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const bytes = Uint8Array.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          const path = await put("x.parquet", bytes);
          try {
            const file = await openParquet(path);
            let rows = 0;
            for await (const _ of file.rows(["joke"])) if (++rows > 1000) break;
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^collect\//) as string });
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("a zip bomb inside is refused by what its page says it unpacks to", async () => {
    const path = await put("x.parquet", parquet([{ joke: "ha".repeat(50_000) }]));
    const rows = async (limits: { group: number; page: number }): Promise<void> => {
      for await (const _ of (await openParquet(path, limits)).rows(["joke"]));
    };
    await rows({ group: 1 << 20, page: 1 << 20 });
    for (const limits of [
      { group: 1 << 20, page: 1000 },
      { group: 1000, page: 1 << 20 },
    ])
      await expect(rows(limits)).rejects.toMatchObject({ code: "collect/too-large" });
  });
});

describe("the hub", () => {
  let server: TestServer;
  const commit = "a".repeat(40);
  const file = formats[4]![1] as Uint8Array;
  beforeEach(async () => {
    server = await startTestServer();
    vi.stubEnv("HF_ENDPOINT", server.base);
    vi.stubEnv("HF_TOKEN", "");
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.close();
  });

  const info = (more: Record<string, unknown> = {}): string =>
    JSON.stringify({
      id: "wits/jokes",
      sha: commit,
      gated: false,
      cardData: { license: "mit", pretty_name: "Jokes" },
      siblings: [
        { rfilename: "README.md", size: 100, blobId: "b" },
        {
          rfilename: "data/train 0.parquet",
          size: file.length,
          blobId: "c",
          lfs: { sha256: sha256(file), size: file.length, pointerSize: 131 },
        },
      ],
      ...more,
    });
  const serve = (about: string, bytes: Uint8Array = file): void => {
    server.answer = (url) =>
      url === "/api/datasets/wits/jokes/revision/main?blobs=true"
        ? { status: 200, body: about, headers: { "content-type": "application/json" } }
        : url === `/datasets/wits/jokes/resolve/${commit}/data/train%200.parquet`
          ? { status: 200, body: bytes }
          : { status: 404 };
  };
  const fromHub = (more: Record<string, unknown> = {}): Promise<TestCollection> =>
    collect({ name: "wits/jokes", licence: undefined, ...more });

  test("the commit is pinned, the card's licence follows every row, nothing is fetched twice", async () => {
    serve(info());
    const { documents } = await fromHub();
    expect(documents).toHaveLength(7);
    expect(documents[0]).toMatchObject({
      id: "huggingface:wits/jokes:1",
      licence: "mit",
      url: `${server.base}/datasets/wits/jokes`,
      extra: { dataset: "wits/jokes", revision: commit },
    });
    expect(documents[0]!.fetchedAt).toMatch(/^\d{4}-/);
    const asked = server.requests.length;
    expect(await fromHub()).toEqual({ documents, bad: {} });
    expect(server.requests).toHaveLength(asked);
    expect((await fromHub({ licence: "MIT, checked by hand" })).documents[0]!.licence).toBe(
      "MIT, checked by hand",
    );
  });

  test("the token goes to the hub and not to where it sends its files from", async () => {
    vi.stubEnv("HF_TOKEN", "hf_secret");
    const store = await startTestServer();
    try {
      store.answer = (url) =>
        url === "/robots.txt" ? { status: 404 } : { status: 200, body: file };
      server.answer = (url) =>
        url.startsWith("/api/")
          ? { status: 200, body: info() }
          : url === "/robots.txt"
            ? { status: 404 }
            : { status: 302, headers: { location: `${store.base}/blob` } };
      const { documents } = await fromHub();
      expect(documents).toHaveLength(7);
      expect(server.headers.at(-1)!.authorization).toBe("Bearer hf_secret");
      expect(store.headers.every((headers) => headers.authorization === undefined)).toBe(true);
      expect(JSON.stringify(documents)).not.toContain("hf_secret");
    } finally {
      await store.close();
    }
  });

  test("no licence, no dataset, no permission, too large, other bytes, no hub: each says so", async () => {
    const failing = (code: string): Promise<void> =>
      expect(fromHub()).rejects.toMatchObject({ code }) as Promise<void>;
    serve(info({ cardData: null }));
    await failing("collect/no-licence");
    const clear = (): Promise<void> => rm(join(folder, "cache"), { recursive: true, force: true });
    await clear();
    serve("<html>");
    await failing("collect/bad-dataset");
    await clear();
    serve(info({ siblings: [{ rfilename: "train.bin" }] }));
    await failing("collect/bad-dataset");
    await clear();
    serve(info(), parquet([{ joke: "other" }]));
    await failing("collect/damaged");
    server.answer = () => ({ status: 404 });
    await clear();
    await failing("collect/missing-dataset");
    server.answer = (url) => ({ status: url === "/robots.txt" ? 404 : 401 });
    await expect(fromHub()).rejects.toMatchObject({
      code: "collect/refused",
      hint: expect.stringContaining("HF_TOKEN") as string,
    });
    serve(info());
    await expect(
      collect({ name: "wits/jokes", licence: undefined }, { maxBytes: 100 }),
    ).rejects.toMatchObject({ code: "collect/too-large" });
  });

  test("the network is off unless asked; a local copy needs a licence in the recipe", async () => {
    const config = { datasets: [{ name: "wits/jokes", kind: "joke", columns: { text: "joke" } }] };
    await expect(
      testCollect(huggingface, config, { cacheDir: join(folder, "cache"), network: false }),
    ).rejects.toMatchObject({ code: "collect/network-off" });
    expect(server.requests).toEqual([]);
    await put("x.csv", csv(jokes));
    await expect(collect({ path: "x.csv", licence: undefined })).rejects.toMatchObject({
      code: "collect/no-licence",
    });
    const entry = { kind: "joke", columns: { text: "joke" } };
    const parse = (more: object): boolean =>
      huggingface.schema.safeParse({ kind: "huggingface", datasets: [{ ...entry, ...more }] })
        .success;
    expect(parse({ name: "a/b" })).toBe(true);
    expect(parse({})).toBe(false);
    expect(parse({ name: "a/b", path: "x" })).toBe(false);
    expect(parse({ name: "../../etc" })).toBe(false);
    expect(parse({ name: "a/b", columns: { setup: "q" } })).toBe(false);
    expect(parse({ name: "a/b", columns: { text: "t", setup: "q", punchline: "a" } })).toBe(false);
  });
});
