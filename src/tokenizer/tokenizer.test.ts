/** Exactness of encode and decode for any Unicode text, whole and streamed. */
import { Tokenizer as HfTokenizer } from "@huggingface/tokenizers";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { pieces } from "./pre-tokenize.ts";
import { type Tokenizer, createTokenizer } from "./tokenizer.ts";
import { trainVocabulary } from "./train-vocabulary.ts";
import { twainTokens } from "./twain-template.ts";

const texts = [
  "The weather in Hannibal is fine and the weather in Boston is not. The rain, the rain!",
  '{"name":"get_weather","arguments":{"location":"Hannibal","date":"tomorrow"}} get_weather get_weather',
  "Ça ne fait rien; señor, the weather — naïve — is 62 degrees… 日本の天気 🌧️🌧️",
];

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc
    .array(
      fc.constantFrom(
        "<|end|>",
        "<tool_call>",
        "<",
        "|",
        " ",
        "\n",
        "\r\n",
        "\t",
        "The",
        " the",
        "62",
        "'s",
        "\uFEFF",
        "\u0085",
        "é",
        "👩‍🚀",
      ),
    )
    .map((parts) => parts.join("")),
);

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = createTokenizer(await trainVocabulary(texts, { ...twainTokens, vocabSize: 320 }));
});

describe("pieces", () => {
  test("lose nothing", () => {
    fc.assert(fc.property(anyText, (text) => pieces(text).join("") === text));
  });

  test("names, numbers and markup are cut so that they can be copied", () => {
    expect(pieces("In Hannibal it's 62°, get_current_weather said.\n\nA  b")).toEqual([
      "In",
      " ",
      "Hannibal",
      " it",
      "'s",
      " ",
      "62",
      "°,",
      " get_current_weather",
      " said",
      ".",
      "\n\n",
      "A",
      " ",
      " b",
    ]);
    expect(pieces('{"location":"St. Louis, Missouri","low":-6,"date":"2024-03-14"}')).toEqual([
      '{"location":"',
      "St",
      ".",
      " ",
      "Louis",
      ", ",
      "Missouri",
      '","low":',
      "-6",
      ',"date":"',
      "20",
      "24",
      "-03",
      "-14",
      '"}',
    ]);
  });
});

describe("tokenizer", () => {
  test("decode is the inverse of encode", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test("encoding piece by piece is what the library does with the whole", async () => {
    const files = await trainVocabulary(texts, { ...twainTokens, vocabSize: 320 });
    const library = new HfTokenizer(files.tokenizer, files.config);
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fc.string({
            unit: fc.constantFrom(
              '{"low":',
              '","',
              '":"',
              ", ",
              "-1",
              "23",
              "'",
              "s",
              "l",
              " ",
              "A",
              "z",
              "_",
              "7",
              "½",
              "\n",
              "\u0085",
              "\uFEFF",
              "ǅ",
              "日",
              "\u0301",
              ".",
            ),
            maxLength: 20,
          }),
        ),
        (text) => {
          expect(tokenizer.encode(text)).toEqual(
            text === "" ? [] : library.encode(text, { add_special_tokens: false }).ids,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test("streamed text is whole text, and never holds a broken character", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const decoder = tokenizer.createDecoder();
        const parts = [...tokenizer.encode(text).map((id) => decoder.push(id)), decoder.end()];
        expect(parts.join("")).toBe(text);
        if (!text.includes("\uFFFD"))
          for (const part of parts)
            expect(part.isWellFormed() && !part.includes("\uFFFD")).toBe(true);
      }),
    );
  });

  test("a character cut off by the end of generation becomes U+FFFD, once", () => {
    const decoder = tokenizer.createDecoder();
    const [first] = tokenizer.encode("\u{10FFFF}");
    expect(decoder.push(first!)).toBe("");
    expect(decoder.end()).toBe("\uFFFD");
  });

  test("special strings are one token; skipSpecial leaves out special tokens but not markup", () => {
    const ids = tokenizer.encode("<|user|>hi<tool_call><|end|>");
    expect(ids[0]).toBe(tokenizer.tokenToId("<|user|>"));
    expect(ids.at(-1)).toBe(tokenizer.tokenToId("<|end|>"));
    expect(tokenizer.decode(ids)).toBe("<|user|>hi<tool_call><|end|>");
    expect(tokenizer.decode(ids, { skipSpecial: true })).toBe("hi<tool_call>");
  });

  test("ids outside the vocabulary and the empty text are harmless", () => {
    expect(tokenizer.encode("")).toEqual([]);
    expect(tokenizer.decode([])).toBe("");
    expect(tokenizer.decode([tokenizer.vocabSize + 7])).toBe("");
  });

  test("a SentencePiece-style tokenizer streams the text that it decodes as a whole", () => {
    const vocab: Record<string, number> = {
      "<unk>": 0,
      "<s>": 1,
      "▁": 2,
      a: 3,
      b: 4,
      "▁a": 5,
      "<0xE2>": 6,
      "<0x82>": 7,
      "<0xAC>": 8,
    };
    const other = createTokenizer({
      tokenizer: {
        added_tokens: [{ id: 1, content: "<s>", special: true }],
        normalizer: {
          type: "Sequence",
          normalizers: [
            { type: "Prepend", prepend: "▁" },
            { type: "Replace", pattern: { String: " " }, content: "▁" },
          ],
        },
        pre_tokenizer: null,
        post_processor: null,
        decoder: {
          type: "Sequence",
          decoders: [
            { type: "Replace", pattern: { String: "▁" }, content: " " },
            { type: "ByteFallback" },
            { type: "Fuse" },
            { type: "Strip", content: " ", start: 1, stop: 0 },
          ],
        },
        model: {
          type: "BPE",
          unk_token: "<unk>",
          fuse_unk: true,
          byte_fallback: true,
          vocab,
          merges: ["▁ a"],
        },
      },
      config: {},
    });
    const ids = other.encode("ab a€ b");
    expect(ids).toEqual([5, 4, 5, 6, 7, 8, 2, 4]);
    const decoder = other.createDecoder();
    const parts = [...ids.map((id) => decoder.push(id)), decoder.end()];
    expect(parts.join("")).toBe(other.decode(ids));
    expect(parts.join("")).toBe("ab a€ b");
    expect(parts.join("")).not.toContain("\uFFFD");
  });

  test("the hash does not depend on formatting but on content", async () => {
    const files = await trainVocabulary(texts, { ...twainTokens, vocabSize: 320 });
    expect(createTokenizer(files).hash).toBe(tokenizer.hash);
    const smaller = await trainVocabulary(texts, { ...twainTokens, vocabSize: 272 });
    expect(createTokenizer(smaller).hash).not.toBe(tokenizer.hash);
  });
});
