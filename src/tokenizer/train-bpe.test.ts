/** Training against a slow reference, and the properties that copying needs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { byteCharacters, tokenBytes } from "./byte-alphabet.ts";
import { pieces } from "./pre-tokenize.ts";
import { createTokenizer, loadTokenizer, writeTokenizerFiles } from "./tokenizer.ts";
import { type TokenizerFiles, trainBpe } from "./train-bpe.ts";
import { twainTokens } from "./twain-template.ts";

const mergesOf = (files: TokenizerFiles): string[] =>
  (files.tokenizer["model"] as { merges: string[] }).merges;

/** The textbook algorithm: count all pairs anew for every merge. */
function referenceMerges(texts: string[], merges: number): string[] {
  const encoder = new TextEncoder();
  let words = texts
    .flatMap((text) => pieces(text))
    .map((piece) => Array.from(encoder.encode(piece), (byte) => byte));
  const strings = [...byteCharacters];
  const result: string[] = [];
  while (result.length < merges) {
    const counts = new Map<string, { a: number; b: number; count: number }>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const entry = counts.get(`${word[i]},${word[i + 1]}`) ?? {
          a: word[i]!,
          b: word[i + 1]!,
          count: 0,
        };
        entry.count++;
        counts.set(`${word[i]},${word[i + 1]}`, entry);
      }
    }
    const best = [...counts.values()].toSorted(
      (x, y) => y.count - x.count || x.a - y.a || x.b - y.b,
    )[0];
    if (!best || best.count < 2) break;
    const merged = strings[best.a]! + strings[best.b]!;
    let id = strings.indexOf(merged);
    if (id < 0) id = strings.push(merged) - 1;
    result.push(`${strings[best.a]} ${strings[best.b]}`);
    words = words.map((word) => {
      const next: number[] = [];
      for (let i = 0; i < word.length; i++) {
        if (word[i] === best.a && word[i + 1] === best.b) {
          next.push(id);
          i++;
        } else next.push(word[i]!);
      }
      return next;
    });
  }
  return result;
}

test("merges are those of the textbook algorithm", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", " ", "aa", "."), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 4 }), async (texts) => {
      const files = await trainBpe(texts, { vocabSize: 280, specialTokens: [] });
      const merges = mergesOf(files);
      expect(merges).toEqual(referenceMerges(texts, merges.length));
      if (Object.keys((files.tokenizer["model"] as { vocab: object }).vocab).length < 280) {
        expect(referenceMerges(texts, merges.length + 1)).toHaveLength(merges.length);
      }
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

test("sentence starts become one token, place names stay in syllables, alike in question and call", async () => {
  const starts = ["Ash", "Brook", "Cold", "Dun", "Elm", "Fox", "Green", "Hart"];
  const texts = Array.from(
    { length: 64 },
    (_, i) =>
      `The rain in Hannibal on Wednesday. What is the weather in ${starts[i % 8]}ville? and what of the rest`,
  );
  const tokenizer = createTokenizer(await trainBpe(texts, { ...twainTokens, vocabSize: 325 }));
  // However often one name is said, it is the ending that many names share which becomes a token.
  expect(tokenizer.encode("Quorville").map((id) => tokenizer.decode([id]))).toContain("ville");
  expect(tokenizer.encode("The")).toHaveLength(1);
  expect(tokenizer.encode("What")).toHaveLength(1);
  const name = tokenizer.encode("Hannibal");
  expect(name.length).toBeGreaterThan(2);
  const at = (text: string): number => tokenizer.encode(text).join().indexOf(name.join());
  expect(at("in Hannibal?")).toBeGreaterThan(0);
  expect(at('{"location":"Hannibal"}')).toBeGreaterThan(0);
  expect(tokenizer.encode("1835")).toHaveLength(4);
  // A day is no name, though it is never written in lower case.
  expect(tokenizer.encode("Wednesday")).toHaveLength(1);
});

test("files survive the disk, and a second training gives the same bytes", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bpe-"));
  try {
    const texts = ["some words some words", "and 日本 some more words"];
    const files = await trainBpe(texts, { ...twainTokens, vocabSize: 270 });
    await writeTokenizerFiles(folder, files);
    const loaded = await loadTokenizer(folder);
    expect(loaded.hash).toBe(createTokenizer(files).hash);
    expect(loaded.vocabSize).toBe(270);
    expect(JSON.stringify(await trainBpe(texts, { ...twainTokens, vocabSize: 270 }))).toBe(
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
  await expect(trainBpe([], { ...twainTokens, vocabSize: 200 })).rejects.toMatchObject({
    code: "tokenizer/vocab-too-small",
  });
  await expect(
    trainBpe(["a"], { ...twainTokens, vocabSize: 300, signal: AbortSignal.abort() }),
  ).rejects.toThrow();
});

test("two megabytes and 2,048 tokens take seconds, not minutes", async () => {
  let seed = 1;
  const next = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
  const syllables = "ba ke li mo nu ra se ti vo wy dor hen ing ler st the and".split(" ");
  const words = Array.from({ length: 20_000 }, () =>
    Array.from({ length: 1 + next(4) }, () => syllables[next(syllables.length)]).join(""),
  );
  let text = "";
  while (text.length < 2_000_000) text += `${words[Math.floor(next(20_000) ** 2 / 20_000)]} `;
  const started = performance.now();
  const files = await trainBpe([text], { ...twainTokens, vocabSize: 2048 });
  expect(Object.keys((files.tokenizer["model"] as { vocab: object }).vocab)).toHaveLength(2048);
  expect(performance.now() - started).toBeLessThan(15_000);
});
