/** Rows become examples whole or not at all, and what is left out is counted. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type ChatTemplate, createChatTemplate } from "../tokenizer/chat-template.ts";
import { type Tokenizer, createTokenizer } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTokens } from "../tokenizer/twain-template.ts";
import { type EncodedDataset, encodeDataset } from "./dataset.ts";

let tokenizer: Tokenizer;
let template: ChatTemplate;
beforeAll(async () => {
  const files = await trainVocabulary(["rain or sun"], { ...twainTokens, vocabSize: 300 });
  tokenizer = createTokenizer(files);
  template = createChatTemplate(files.config, tokenizer);
});
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "twainbot-dataset-"));
});
afterEach(() => rm(folder, { recursive: true }));

const say = (role: string, content: string): object => ({ role, content });
const row = (...messages: object[]): object => ({
  id: "row",
  messages,
  tags: { persona: "neutral", domain: "humour", source: "test", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: "k" },
});
async function encode(rows: object[], most: number): Promise<EncodedDataset> {
  const path = join(folder, "rows.jsonl");
  await writeFile(path, rows.map((each) => `${JSON.stringify(each)}\n`).join(""));
  return encodeDataset(path, tokenizer, template, most, new AbortController().signal);
}
const short = row(say("user", "Rain?"), say("assistant", "Sun."));
/** Cut to 40 tokens it would have no answer. */
const long = row(say("user", "Rain? ".repeat(30)), say("assistant", "Sun."));
const unanswered = row(say("user", "Rain?"));

test("a row whose answer would be cut off is left out whole, and counted with the reason", async () => {
  const { byDomain, rows, dropped } = await encode([short, short, long, short, unanswered], 40);
  const examples = byDomain.get("humour")!;
  expect(rows).toBe(5);
  expect(dropped).toEqual({ "too-long": 1, "nothing-trained": 1 });
  expect(examples).toHaveLength(3);
  for (const { ids, trained } of examples)
    expect(tokenizer.decode([...ids].filter((_, i) => trained[i]))).toBe("Sun.<|end|>");
});

test("a dataset in which nothing is trained is an error, and so is one that mostly does not fit", async () => {
  await expect(encode([unanswered, unanswered], 40)).rejects.toMatchObject({
    code: "train/empty-dataset",
    message: expect.stringMatching(/none of 2 rows .*"nothing-trained":2/) as unknown,
  });
  await expect(encode([short, long], 40)).rejects.toMatchObject({ code: "train/rows-too-long" });
});
