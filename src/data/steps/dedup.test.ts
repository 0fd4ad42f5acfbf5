import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Document } from "../../core/document.ts";
import { createRandom } from "../../core/random.ts";
import type { Step } from "../pipeline.ts";
import { createGroups, equalKeys } from "./equal-keys.ts";
import { exactDedupStep, plainForm } from "./exact-dedup.ts";
import { hashWords, jaccard, overlap, shinglesOf } from "./minhash.ts";
import { nearDedupStep } from "./near-dedup.ts";
import { sharedPassagesStep } from "./shared-passages.ts";
import { compareIds } from "./survivor.ts";
import { type Gone, goneBy as goneIn, makeDocument } from "./test-gone.ts";

const make = makeDocument;

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "twainbot-dedup-"));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

const goneBy = (step: Step, documents: readonly Document[]): Promise<Gone[]> =>
  goneIn(step, documents, scratch);

const config = { shingle: 5, bands: 20, rows: 13, threshold: 0.8, sample: 8 };
const nearGone = (documents: readonly Document[]): Promise<Gone[]> =>
  goneBy(nearDedupStep(config, ["s"], createRandom(1), scratch), documents);
const goneOf = async (documents: readonly Document[]): Promise<string[]> =>
  (await nearGone(documents)).map(({ id }) => id);
const textOf = (documents: readonly Document[], id: string): string =>
  documents.find((document) => document.id === id)!.text;

const NOUNS =
  "river pilot fog chicken mule preacher lantern raft summer pocket fence whistle barn ledger kettle thunder".split(
    " ",
  );
/** Prose with little in common with another's. */
function prose(seed: number, length: number): string {
  const random = createRandom(seed);
  return Array.from({ length }, () => `${random.pick(NOUNS)}${random.integer(0, 400)}`).join(" ");
}

const PLACES = "Hannibal Boston Philadelphia Nevada Paris London Cairo Sydney Delhi Vienna".split(
  " ",
);
const SKIES =
  "light rain,clear sky,fog,heavy snow,drizzle,overcast,thunderstorm,hail,wind,sleet".split(",");
/** Tool episodes: one template, other places, skies and numbers. */
const episodes = PLACES.flatMap((place, p) =>
  SKIES.map((sky, s) =>
    make(
      `episode-${p}-${s}`,
      `What is the weather in ${place} tomorrow? It will be ${sky} in ${place} with a high of ${50 + p} and a low of ${30 + s}, so take a coat if you mean to walk by the river.`,
    ),
  ),
);

describe("shingles", () => {
  test("words are letters and digits, case and apostrophes aside", () => {
    expect(hashWords("Don't STOP—now!")).toEqual(hashWords("dont stop now"));
    expect(hashWords("été")).not.toEqual(hashWords("ete"));
    expect(hashWords("  ")).toHaveLength(0);
  });

  test("jaccard and overlap are those of sets", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(50)), fc.uniqueArray(fc.nat(50)), (a, b) => {
        const sort = (list: number[]): Int32Array => Int32Array.from(list).sort();
        const shared = a.filter((value) => b.includes(value)).length;
        expect(overlap(sort(a), sort(b))).toBe(shared);
        const all = new Set([...a, ...b]).size;
        if (all > 0) expect(jaccard(sort(a), sort(b))).toBeCloseTo(shared / all, 12);
      }),
    );
  });

  test("a short text is one shingle as a whole", () => {
    expect(shinglesOf("cat", 5)).toHaveLength(1);
    expect(shinglesOf("cat", 5)).not.toEqual(shinglesOf("dog", 5));
    expect(shinglesOf("a b c d e f", 5)).toHaveLength(2);
  });
});

describe("near duplicates", () => {
  test("100 distinct templated episodes and 40 unrelated books: nothing is removed", async () => {
    expect(episodes).toHaveLength(100);
    const books = Array.from({ length: 40 }, (_, i) =>
      Array.from({ length: 12 }, (_, k) => make(`book-${i}#${k}`, prose(1000 * i + k, 110))),
    ).flat();
    expect(await goneOf([...episodes, ...books])).toEqual([]);
  });

  test("of every cluster exactly one stays, and kept and removed together are the input", async () => {
    // Clusters of one text and copies of it with another word each; texts of two clusters have nothing in common.
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
        fc.nat(1000),
        async (copies, seed) => {
          const documents = copies.flatMap((count, cluster) =>
            Array.from({ length: count + 1 }, (_, copy) => {
              const words = prose(cluster + 1, 150).split(" ");
              if (copy > 0) words[copy * 30] = `other${copy}`;
              return make(`${cluster}:${copy}`, words.join(" "));
            }),
          );
          const gone = await nearGone(createRandom(seed).shuffle(documents));
          for (const cluster of copies.keys()) {
            const left = documents.filter(
              ({ id }) => id.startsWith(`${cluster}:`) && !gone.some((one) => one.id === id),
            );
            expect(left, `cluster ${cluster}`).toHaveLength(1);
          }
          for (const { id, of } of gone) expect(of.split(":")[0]).toBe(id.split(":")[0]);
        },
      ),
    );
  });

  test("one-word, empty and short documents do not collapse", async () => {
    expect(
      await goneOf([
        make("1", "cat"),
        make("2", "dog"),
        make("3", ""),
        make("4", "old dog"),
        make("5", "old cat"),
        make("6", "..."),
      ]),
    ).toEqual([]);
    expect(await goneOf([make("1", "Cat!"), make("2", "cat")])).toHaveLength(1);
  });

  test("a copy with a few words changed goes, and the longer one stays", async () => {
    const text = prose(7, 120);
    const words = text.split(" ");
    const edited = [...words.slice(0, 60), "edited", ...words.slice(61)].join(" ");
    expect(await goneOf([make("b", edited), make("a", text)])).toEqual(["b"]);
    expect(await goneOf([make("a", `${text} and more`), make("b", text)])).toEqual(["b"]);
    // Like in half of its words: another text.
    expect(
      await goneOf([make("a", text), make("b", [...words.slice(0, 60), prose(8, 60)].join(" "))]),
    ).toEqual([]);
  });

  test("who stays: quality, then length, then the earlier source, then the smaller id", async () => {
    const text = prose(11, 100);
    const survivor = async (...documents: Document[]): Promise<string> => {
      const step = nearDedupStep(config, ["first", "second"], createRandom(1), scratch);
      const gone = (await goneBy(step, documents)).map(({ id }) => id);
      expect(gone).toHaveLength(1);
      return documents.find(({ id }) => !gone.includes(id))!.id;
    };
    const from = (source: string): Partial<Document> => ({ source });
    // In capitals, a worse text; longer all the same, and from the earlier source.
    expect(
      await survivor(
        make("a", `${text.toUpperCase()} AND MORE`, from("first")),
        make("b", text, from("second")),
      ),
    ).toBe("b");
    expect(
      await survivor(make("a", text, from("first")), make("b", `${text} end`, from("second"))),
    ).toBe("b");
    expect(await survivor(make("a", text, from("second")), make("b", text, from("first")))).toBe(
      "b",
    );
    expect(await survivor(make("p10", text), make("p9", text))).toBe("p9");
  });

  test("what only shares a band with others is not removed with them: candidates {1,3} and {2,4} split", async () => {
    // Like enough to be proposed as one group by thousands of bands, unlike enough to be four texts of two kinds.
    const step = nearDedupStep({ ...config, bands: 200, rows: 1 }, ["s"], createRandom(1), scratch);
    const [one, two] = [prose(21, 100), prose(22, 100)];
    const common = prose(23, 30);
    const gone = await goneBy(step, [
      make("1", `${one} ${common}`),
      make("2", `${two} ${common}`),
      make("3", `${one} ${common} again`),
      make("4", `${two} ${common} again`),
    ]);
    expect(gone.map(({ id, of }) => [id, of])).toEqual([
      ["1", "3"],
      ["2", "4"],
    ]);
  });

  test("a chain of small steps keeps both ends: nothing goes for its likeness to what went", async () => {
    const words = prose(9, 100).split(" ");
    // Each text shares nine tenths with the next one, and less and less with the first.
    const chain = Array.from({ length: 6 }, (_, i) =>
      make(
        `c${i}`,
        [...words.slice(i * 5), ...prose(100 + i, i * 5).split(" ")].slice(0, 100).join(" "),
      ),
    );
    const gone = await nearGone(chain);
    for (const { id, of, numbers } of gone) {
      const alike = jaccard(shinglesOf(textOf(chain, id), 5), shinglesOf(textOf(chain, of), 5));
      expect(alike).toBeCloseTo(numbers.similarity!, 3);
      expect(alike).toBeGreaterThanOrEqual(0.8);
    }
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.length).toBeLessThan(5);
  });

  test("the order of the input changes nothing", async () => {
    const texts = Array.from({ length: 30 }, (_, i) => {
      const words = prose(i % 10, 80).split(" ");
      if (i >= 10) words[(i * 7) % 80] = `changed${i}`;
      return make(`d${i}`, words.join(" "), { source: i % 2 ? "s" : "t" });
    });
    const expected = await nearGone([...texts, ...episodes]);
    expect(expected.length).toBeGreaterThanOrEqual(15);
    for (let seed = 0; seed < 5; seed++)
      expect(await nearGone(createRandom(seed).shuffle([...texts, ...episodes]))).toEqual(expected);
  });

  test("a source of one template is compared in bounded time, and its true copies are still found", async () => {
    // Nine tenths of every text are the template: all share bands with all, and none is a copy but the last ones.
    const template = prose(60, 90).split(" ");
    const filled = Array.from({ length: 1500 }, (_, i) => {
      const words = [...template];
      for (let k = 0; k < 9; k++) words[k * 10] = `own${i}x${k}`;
      return make(`t${i}`, words.join(" "));
    });
    const copies = filled.slice(0, 50).map(({ id, text }) => make(`${id}-copy`, `${text} end`));
    const loose = { ...config, threshold: 0.9 };
    const step = nearDedupStep(loose, ["s"], createRandom(1), scratch);
    const gone = await goneBy(step, [...filled, ...copies]);
    expect(gone.map(({ of }) => of).toSorted(compareIds)).toEqual(copies.map(({ id }) => id));
    for (const { id, of } of gone) expect(of).toBe(`${id}-copy`);
  });
});

describe("exact duplicates", () => {
  const gone = async (documents: readonly Document[]): Promise<[string, string][]> =>
    (await goneBy(exactDedupStep(["first", "second"], scratch), documents)).map(({ id, of }) => [
      id,
      of,
    ]);

  test("of every group one stays: the earlier source's, then the smaller id, whatever the order", async () => {
    const documents = [
      make("b", "Rain, again!", { source: "second" }),
      make("a10", "rain again", { source: "first" }),
      make("a9", "Rain again", { source: "first" }),
      make("x", "Other"),
      make("e1", "..."),
      make("e2", "!!!"),
    ];
    const expected = [
      ["a10", "a9"],
      ["b", "a9"],
    ];
    for (let seed = 0; seed < 5; seed++)
      expect(
        await gone(
          createRandom(seed)
            .shuffle(documents)
            .filter(({ id }) => id !== "b"),
        ),
      ).toEqual(expected.slice(0, 1));
    // Punctuation lowers a text's quality, so "b" loses on that already.
    for (let seed = 0; seed < 5; seed++)
      expect(await gone(createRandom(seed).shuffle(documents))).toEqual(expected);
    expect(plainForm("—")).not.toBe(plainForm("!"));
  });

  test("exactly the texts of one form go together, and all but one of each", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("a", "B", " ", ".", "'"), maxLength: 4 })),
        async (texts) => {
          const documents = texts.map((text, i) => make(`d${i}`, text));
          const pairs = await gone(documents);
          const forms = new Set(texts.map(plainForm));
          expect(documents.length - pairs.length).toBe(forms.size);
          for (const [id, of] of pairs)
            expect(plainForm(textOf(documents, id))).toBe(plainForm(textOf(documents, of)));
        },
      ),
    );
  });
});

describe("passages of another work", () => {
  const book = prose(50, 4000).split(" ");
  const cut = (work: string, words: readonly string[], size: number): Document[] =>
    Array.from({ length: Math.ceil(words.length / size) }, (_, i) =>
      make(`${work}#${i + 1}`, words.slice(i * size, (i + 1) * size).join(" "), {
        extra: { work },
      }),
    );
  const gone = (documents: readonly Document[], sample = 8): Promise<Gone[]> =>
    goneBy(sharedPassagesStep({ ...config, sample }, ["s"], scratch), documents);

  test("a second edition goes however it is cut; what only it has stays; its own repetitions are not asked", async () => {
    const preface = prose(51, 600).split(" ");
    const first = cut("w:2", book, 100);
    const second = cut("w:10", [...preface, ...book], 83);
    const documents = [...second, ...first];
    const found = await gone(documents);
    const names = found.map(({ id }) => id);
    expect(names.every((id) => id.startsWith("w:10#"))).toBe(true);
    expect(names.length).toBeGreaterThan(44);
    expect(names).not.toContain("w:10#1");
    for (const { of, numbers } of found) {
      expect(of).toMatch(/^w:2#/);
      expect(numbers.share).toBeGreaterThanOrEqual(0.8);
    }
    for (let seed = 0; seed < 3; seed++)
      expect(await gone(createRandom(seed).shuffle(documents))).toEqual(found);
    expect(
      await gone([...first, make("w:2#999", first[3]!.text, { extra: { work: "w:2" } })]),
    ).toEqual([]);
  });

  test("a collection that holds a whole work keeps what is its own, and one copy of the rest", async () => {
    const works = [61, 62, 63].map((seed) => prose(seed, 1500).split(" "));
    const parts = works.map((words, i) => cut(`w:${i + 2}`, words, 100)).flat();
    const own = prose(64, 1000).split(" ");
    const collection = cut("w:90", [...works.flat(), ...own], 90);
    const found = await gone([...collection, ...parts]);
    expect(found.every(({ id }) => id.startsWith("w:90#"))).toBe(true);
    // Of its 50 chunks of the parts all but the two on a seam between works, where every shingle is asked; a sample
    // misses a few that stand in two chunks there.
    expect(await gone([...collection, ...parts], 1)).toHaveLength(48);
    expect(found.length).toBeGreaterThanOrEqual(42);
  });
});

describe("grouping", () => {
  test("equal keys are those of a map, in ascending order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -3, max: 3 })), (keys) => {
        const groups = [...equalKeys(keys.length, (i) => keys[i]!)].map((group) => [...group]);
        const expected = [...new Set(keys)]
          .map((key) => [...keys.keys()].filter((i) => keys[i] === key))
          .filter((group) => group.length > 1);
        const ordered = (list: number[][]): number[][] => list.toSorted((a, b) => a[0]! - b[0]!);
        expect(ordered(groups)).toEqual(ordered(expected));
      }),
    );
  });

  test("joined items are one group, whatever joined them first", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(12), fc.nat(12))), (pairs) => {
        const groups = createGroups(13);
        for (const [a, b] of pairs) groups.join(a, b);
        // By closure: every item reaches those that a pair connects it with.
        const reach = Array.from({ length: 13 }, (_, i) => new Set([i]));
        for (let round = 0; round < 13; round++)
          for (const [a, b] of pairs)
            for (const set of reach) if (set.has(a) || set.has(b)) set.add(a).add(b);
        const expected = [...new Set(reach.map((set) => [...set].toSorted((a, b) => a - b).join()))]
          .map((text) => text.split(",").map(Number))
          .filter((group) => group.length > 1);
        expect(groups.all()).toEqual(expected);
      }),
    );
  });
});
