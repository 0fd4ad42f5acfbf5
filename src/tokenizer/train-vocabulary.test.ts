/** Which pieces become tokens, and the properties that copying needs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { byteCharacters, tokenBytes } from "./byte-alphabet.ts";
import { pieces } from "./pre-tokenize.ts";
import { createTokenizer, loadTokenizer, writeTokenizerFiles } from "./tokenizer.ts";
import { type TokenizerFiles, trainVocabulary } from "./train-vocabulary.ts";
import { twainTokens } from "./twain-template.ts";

const wordsOf = (files: TokenizerFiles): string[] =>
  Object.keys((files.tokenizer["model"] as { vocab: object }).vocab).slice(256);

test("tokens are the pieces that occur most, each at least twice, in a fixed order", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "ab", " ", "."), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 4 }), async (texts) => {
      const counts = new Map<string, number>();
      for (const piece of texts.flatMap(pieces)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
      const expected = [...counts]
        .filter(([piece, count]) => count > 1 && piece.length > 1)
        .toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
        .map(([piece]) => piece.replaceAll(" ", "Ġ"));
      const files = await trainVocabulary(texts, { vocabSize: 260, specialTokens: [] });
      expect(wordsOf(files)).toEqual(expected.slice(0, 4));
    }),
  );
});

test("what is not a token is spelled, and every text comes back", async () => {
  const files = await trainVocabulary(["the cat\nthe cat"], { ...twainTokens, vocabSize: 600 });
  const tokenizer = createTokenizer(files);
  const parts = (text: string): string[] =>
    tokenizer.encode(text).map((id) => tokenizer.decode([id]));
  expect(parts("the cat")).toEqual(["the", " cat"]);
  expect(parts(" cats")).toEqual([" ", "c", "a", "t", "s"]);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }),
  );
});

test("the byte alphabet is GPT-2's", () => {
  expect(byteCharacters[0x20]).toBe("Ġ");
  expect(byteCharacters[0x0a]).toBe("Ċ");
  expect(byteCharacters[0x41]).toBe("A");
  expect(new Set(byteCharacters).size).toBe(256);
  expect([...tokenBytes(byteCharacters.join(""))!]).toEqual(
    Array.from({ length: 256 }, (_, byte) => byte),
  );
  expect(tokenBytes("日")).toBeUndefined();
});

test("sentence starts are one token, names are spelled, alike in question and call", async () => {
  const texts = Array.from(
    { length: 64 },
    () => "The rain in Hannibal on Wednesday. What is the weather? and what of the rest tonight",
  );
  const files = await trainVocabulary(texts, { ...twainTokens, vocabSize: 600 });
  const tokenizer = createTokenizer(files);
  expect(tokenizer.encode("The")).toHaveLength(1);
  expect(tokenizer.encode("What")).toHaveLength(1);
  // However often one name is said, it is spelled as a name never seen is, in letters and pairs of them.
  const parts = Array.from(tokenizer.encode("Hannibal"), (id) => tokenizer.decode([id]));
  expect(parts.join("")).toBe("Hannibal");
  expect(parts.every((part) => part.length <= 2)).toBe(true);
  expect(parts.length).toBeLessThan("Hannibal".length);
  expect(tokenizer.encode("1835")).toHaveLength(2);
  expect(tokenizer.encode("-12")).toHaveLength(1);
  // A day is no name, though it is never written in lower case.
  expect(tokenizer.encode("Wednesday")).toHaveLength(1);
  for (const word of ["Hannibal", "hannibal", "Wednesday", "tonight"]) {
    const ids = tokenizer.encode(word);
    for (const text of [`in ${word}?`, `{"location":"${word}"}`])
      expect(tokenizer.encode(text).join()).toContain(ids.join());
  }
});

test("files survive the disk, and a second training gives the same bytes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vocabulary-"));
  try {
    const texts = ["some words some words", "and 日本 some more words"];
    const files = await trainVocabulary(texts, { ...twainTokens, vocabSize: 270 });
    await writeTokenizerFiles(folder, files);
    const loaded = await loadTokenizer(folder);
    expect(loaded.hash).toBe(createTokenizer(files).hash);
    expect(loaded.vocabSize).toBe(270);
    expect(JSON.stringify(await trainVocabulary(texts, { ...twainTokens, vocabSize: 270 }))).toBe(
      JSON.stringify(files),
    );
    await expect(loadTokenizer(join(folder, "absent"))).rejects.toMatchObject({
      code: "tokenizer/unreadable",
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a vocabulary without room for the bytes is refused; an aborted signal stops", async () => {
  await expect(trainVocabulary([], { ...twainTokens, vocabSize: 200 })).rejects.toMatchObject({
    code: "tokenizer/vocab-too-small",
  });
  await expect(
    trainVocabulary(["a"], { ...twainTokens, vocabSize: 300, signal: AbortSignal.abort() }),
  ).rejects.toThrow();
});
