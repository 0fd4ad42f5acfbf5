import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Document } from "../core/document.ts";
import { createRandom } from "../core/random.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import { createChatTemplate } from "../tokenizer/chat-template.ts";
import { type Tokenizer, createTokenizer } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { type PlainText, cutExample, readPlainText } from "./plain-text.ts";

test("pieces fit, and each token but the first is predicted once, by the one before it", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 2, max: 20 }),
      (length, most) => {
        const ids = Int32Array.from({ length }, (_, i) => i);
        const trained = Uint8Array.from(ids, (i) => (i > 0 ? 1 : 0));
        const pieces = cutExample({ id: "x", ids, trained }, most);
        const predicted = pieces.flatMap((piece) => {
          expect(piece.ids.length).toBeLessThanOrEqual(most);
          expect(piece.trained[0]).toBe(0);
          return [...piece.ids].flatMap((id, i) =>
            piece.trained[i] ? [[piece.ids[i - 1], id]] : [],
          );
        });
        expect(predicted).toEqual(Array.from({ length: length - 1 }, (_, i) => [i, i + 1]));
      },
    ),
  );
});

describe("of a run", () => {
  let folder = "";
  let dir: RunDir;
  let tokenizer: Tokenizer;
  let template: ReturnType<typeof createChatTemplate>;
  const settings = {
    kinds: ["passage", "aphorism"] as ("passage" | "aphorism" | "joke")[],
    sequenceLength: 16,
    validShare: 0.2,
  };
  const document = (id: string, extra: Document["extra"] = {}, kind = "passage"): object => ({
    id,
    kind,
    text: `Rain over ${id}.`,
    source: "test",
    licence: "CC0-1.0",
    sha256: id,
    extra,
  });
  const row = (key: string): object => ({
    id: `row-${key}`,
    messages: [{ role: "assistant", content: "x" }],
    tags: { persona: "neutral", domain: "text", source: "test", synthetic: false },
    meta: { parents: [], licence: "CC0-1.0", split_key: key },
  });
  const write = async (path: string, rows: object[]): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, rows.map((each) => `${JSON.stringify(each)}\n`).join(""));
  };
  const read = (config: object = {}): Promise<PlainText> =>
    readPlainText(
      dir,
      { ...settings, ...config },
      { tokenizer, template },
      createRandom(1),
      new AbortController().signal,
    );
  /** Ids of the documents, whatever they were cut into. */
  const idsOf = (examples: Iterable<{ id: string }>): string[] => [
    ...new Set([...examples].map(({ id }) => id.replace(/\/\d+$/, ""))),
  ];
  const trainIds = ({ byPersona }: PlainText): string[] => idsOf([...byPersona.values()].flat());

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "twainbot-plain-text-"));
    dir = runDir(folder);
    const files = await trainVocabulary(["rain or sun"], { ...twainTokens, vocabSize: 300 });
    tokenizer = createTokenizer(files);
    template = createChatTemplate(files.config, tokenizer);
    await write(dir.curated, [
      document("a#1", { work: "a", persona: "twain" }),
      document("a#2", { work: "a", persona: "twain" }),
      document("b#1", { work: "b", persona: "twain" }),
      document("c#1", { work: "c", persona: "franklin" }),
      document("d#1", { work: "d", persona: "franklin" }),
      document("e", { persona: "franklin" }, "aphorism"),
      document("f", {}, "joke"),
      document("g"),
    ]);
    await write(dir.dataset.valid, [row("b"), row("question")]);
    await write(dir.dataset.test, [row("c")]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("works of the test are in neither part, those of valid in validation, all else is trained on", async () => {
    const found = await read();
    expect(trainIds(found)).toEqual(["a#1", "a#2", "d#1", "e", "g"]);
    expect([...found.byPersona.keys()]).toEqual(["twain", "franklin", "neutral"]);
    expect(idsOf(found.valid)).toEqual(["b#1"]);
    expect(found).toMatchObject({
      counts: { texts: 5, validTexts: 1 },
      dropped: { "of-test": 1 },
    });
  });

  test("every token is trained, from the one that begins a text to the one that ends it", async () => {
    const [example] = (await read({ sequenceLength: 400 })).valid;
    expect(tokenizer.decode([...example!.ids])).toBe("<|bos|>Rain over b#1.<|end|>");
    expect([...example!.trained]).toEqual([...example!.ids].map((_, i) => (i > 0 ? 1 : 0)));
  });

  test("kinds and personas that are not asked for are not there", async () => {
    const mixture = { twain: 1, franklin: 0 };
    const found = await read({ mixture });
    expect([trainIds(found), idsOf(found.valid)]).toEqual([["a#1", "a#2"], ["b#1"]]);
    expect(trainIds(await read({ kinds: ["joke", "aphorism"] }))).toHaveLength(1);
  });

  test("where valid has none of the texts, whole works are kept back; fewer than two texts are an error", async () => {
    await write(dir.dataset.valid, [row("question")]);
    const found = await read();
    const works = (ids: string[]): string[] => ids.map((id) => id.replace(/#.*/, ""));
    const [train, valid] = [works(trainIds(found)), works(idsOf(found.valid))];
    expect(valid.length).toBeGreaterThan(0);
    expect(valid.filter((work) => train.includes(work))).toEqual([]);
    expect([...train, ...valid].toSorted()).toEqual(["a", "a", "b", "d", "e", "g"]);
    await expect(read({ mixture: { neutral: 1 } })).rejects.toMatchObject({
      code: "train/empty-dataset",
      message: expect.stringContaining("1 texts of the kinds passage, aphorism") as string,
    });
  });
});
