import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Document } from "../../core/document.ts";
import { createRandom } from "../../core/random.ts";
import { exactDedupStep, plainForm } from "./exact-dedup.ts";
import { hashWords, jaccard, overlap, shinglesOf } from "./minhash.ts";
import { nearDuplicates } from "./near-dedup.ts";
import { sharedPassages } from "./shared-passages.ts";

const make = (id: string, text: string, more: Partial<Document> = {}): Document => ({
  id,
  kind: "passage",
  text,
  source: "s",
  licence: "l",
  sha256: "",
  synthetic: false,
  extra: {},
  ...more,
});
const config = { shingle: 5, bands: 20, rows: 13, threshold: 0.8 };
const goneOf = (documents: readonly Document[]): string[] =>
  [...nearDuplicates(documents, config, ["s"], createRandom(1)).keys()]
    .map((i) => documents[i]!.id)
    .toSorted();

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
  test("a hundred templated episodes and unrelated prose: nothing goes", () => {
    expect(
      goneOf([
        ...episodes,
        ...Array.from({ length: 40 }, (_, i) => make(`prose-${i}`, prose(i, 120))),
      ]),
    ).toEqual([]);
  });

  test("one-word, empty and short documents do not collapse", () => {
    expect(
      goneOf([
        make("1", "cat"),
        make("2", "dog"),
        make("3", ""),
        make("4", "old dog"),
        make("5", "old cat"),
      ]),
    ).toEqual([]);
    expect(goneOf([make("1", "Cat!"), make("2", "cat")])).toHaveLength(1);
  });

  test("a copy with a few words changed goes, and the better one stays", () => {
    const text = prose(7, 120);
    const words = text.split(" ");
    const edited = [...words.slice(0, 60), "edited", ...words.slice(61)].join(" ");
    expect(goneOf([make("b", edited), make("a", text)])).toEqual(["b"]);
    expect(goneOf([make("a", `${text} and more`), make("b", text)])).toEqual(["b"]);
    // Like in half of its words: another text.
    expect(
      goneOf([make("a", text), make("b", [...words.slice(0, 60), prose(8, 60)].join(" "))]),
    ).toEqual([]);
  });

  test("a chain of small steps keeps both ends: nothing goes for its likeness to what went", () => {
    const words = prose(9, 100).split(" ");
    // Each text shares nine tenths with the next one, and less and less with the first.
    const chain = Array.from({ length: 6 }, (_, i) =>
      make(
        `c${i}`,
        [...words.slice(i * 5), ...prose(100 + i, i * 5).split(" ")].slice(0, 100).join(" "),
      ),
    );
    const gone = nearDuplicates(chain, config, ["s"], createRandom(1));
    for (const [i, { of, similarity }] of gone) {
      expect(gone.has(of)).toBe(false);
      expect(jaccard(shinglesOf(chain[i]!.text, 5), shinglesOf(chain[of]!.text, 5))).toBeCloseTo(
        similarity,
        12,
      );
      expect(similarity).toBeGreaterThanOrEqual(0.8);
    }
    expect(gone.size).toBeGreaterThan(0);
    expect(gone.size).toBeLessThan(5);
  });

  test("the order of the input changes nothing", () => {
    const texts = Array.from({ length: 30 }, (_, i) => {
      const words = prose(i % 10, 80).split(" ");
      if (i >= 10) words[(i * 7) % 80] = `changed${i}`;
      return make(`d${i}`, words.join(" "), { source: i % 2 ? "s" : "t" });
    });
    const expected = goneOf([...texts, ...episodes]);
    expect(expected.length).toBeGreaterThanOrEqual(15);
    for (let seed = 0; seed < 5; seed++)
      expect(goneOf(createRandom(seed).shuffle([...texts, ...episodes]))).toEqual(expected);
  });
});

describe("exact duplicates", () => {
  async function gone(documents: readonly Document[]): Promise<[string, string | undefined][]> {
    async function* stream(): AsyncGenerator<Document> {
      yield* documents;
    }
    const out: [string, string | undefined][] = [];
    let count = 0;
    for await (const judgement of exactDedupStep(["first", "second"]).run(stream())) {
      count++;
      if (judgement.type === "drop") out.push([judgement.document.id, judgement.duplicateOf]);
    }
    expect(count).toBe(documents.length);
    return out.toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

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
});

describe("passages of another work", () => {
  const book = prose(50, 4000).split(" ");
  const cut = (work: string, words: readonly string[], size: number): Document[] =>
    Array.from({ length: Math.ceil(words.length / size) }, (_, i) =>
      make(`${work}#${i + 1}`, words.slice(i * size, (i + 1) * size).join(" "), {
        extra: { work },
      }),
    );

  test("a second edition goes however it is cut; what only it has stays; its own repetitions are not asked", () => {
    const preface = prose(51, 600).split(" ");
    const first = cut("w:2", book, 100);
    const second = cut("w:10", [...preface, ...book], 83);
    const documents = [...second, ...first];
    const gone = sharedPassages(documents, 5, 0.8, ["s"]);
    const names = [...gone.keys()].map((i) => documents[i]!.id);
    expect(names.every((id) => id.startsWith("w:10#"))).toBe(true);
    expect(names.length).toBeGreaterThan(44);
    expect(names).not.toContain("w:10#1");
    for (const [i, { in: other, share }] of gone) {
      expect(documents[other]!.extra.work).toBe("w:2");
      expect(share).toBeGreaterThanOrEqual(0.8);
      expect(gone.has(other), documents[i]!.id).toBe(false);
    }
    for (let seed = 0; seed < 3; seed++) {
      const shuffled = createRandom(seed).shuffle(documents);
      expect(
        [...sharedPassages(shuffled, 5, 0.8, ["s"]).keys()].map((i) => shuffled[i]!.id).toSorted(),
      ).toEqual(names.toSorted());
    }
    expect(
      sharedPassages(
        [...first, make("w:2#999", first[3]!.text, { extra: { work: "w:2" } })],
        5,
        0.8,
        ["s"],
      ).size,
    ).toBe(0);
  });
});
