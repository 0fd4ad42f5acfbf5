import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeTextModel } from "../../../test/fakes/onnx-text-model.ts";
import type { Document } from "../../core/document.ts";
import { type Random, createRandom } from "../../core/random.ts";
import {
  type EmbeddingConfig,
  embeddingDedupStep,
  openEmbedder,
  sameMeaning,
} from "./embedding-dedup.ts";
import { bandsFor, createVectorList } from "./hyperplanes.ts";
import { type Gone, goneBy, makeDocument as make } from "./test-gone.ts";

const SIZE = 32;
const unit = (vector: readonly number[]): number[] => {
  const norm = Math.hypot(...vector);
  return vector.map((x) => x / norm);
};
const direction = (random: Random): number[] =>
  unit(Array.from({ length: SIZE }, () => random.normal()));
/** A direction at exactly this cosine from another. */
function near(from: readonly number[], cosine: number, random: Random): number[] {
  const other = direction(random);
  const along = from.reduce((sum, x, k) => sum + x * other[k]!, 0);
  const across = unit(other.map((x, k) => x - along * from[k]!));
  return from.map((x, k) => cosine * x + Math.sqrt(1 - cosine * cosine) * across[k]!);
}

/** Pairs of what goes and what stays for it; who stays is the smaller of `ranks`. */
function goneOf(
  vectors: readonly (readonly number[])[],
  threshold: number,
  ranks = [...vectors.keys()],
): [gone: number, of: number][] {
  const list = createVectorList(vectors[0]?.length ?? 1);
  for (const vector of vectors) list.add(Float32Array.from(vector));
  const found = sameMeaning(list, threshold, (a, b) => ranks[a]! - ranks[b]!, createRandom(1));
  for (const [gone, { of, similarity }] of found) {
    expect(found.has(of)).toBe(false);
    expect(ranks[of]).toBeLessThan(ranks[gone]!);
    expect(similarity).toBeGreaterThanOrEqual(threshold);
    expect(similarity).toBeCloseTo(list.dot(gone, of), 12);
  }
  return [...found]
    .map(([gone, { of }]): [number, number] => [gone, of])
    .toSorted((a, b) => a[0] - b[0]);
}

describe("vectors", () => {
  test("of every cluster exactly the best one stays", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
        fc.nat(1000),
        (copies, seed) => {
          const random = createRandom(seed);
          const vectors: number[][] = [];
          const clusters: number[] = [];
          for (const [cluster, count] of copies.entries()) {
            const center = direction(random);
            for (let copy = 0; copy <= count; copy++) {
              vectors.push(near(center, 0.9999, random));
              clusters.push(cluster);
            }
          }
          const gone = goneOf(vectors, 0.95);
          for (const [one, of] of gone) {
            expect(clusters[one]).toBe(clusters[of]);
            expect(of).toBe(clusters.indexOf(clusters[one]!));
          }
          expect(gone).toHaveLength(copies.reduce((sum, count) => sum + count, 0));
        },
      ),
    );
  });

  test("of a chain whose ends are not alike only the middle goes, whichever end is best", () => {
    const at = (degrees: number): number[] => {
      const angle = (degrees * Math.PI) / 180;
      return [Math.cos(angle), Math.sin(angle)];
    };
    // 16 degrees are a cosine of 0.961, 32 of 0.848.
    const chain = [at(0), at(16), at(32)];
    expect(goneOf(chain, 0.95, [0, 2, 1])).toEqual([[1, 0]]);
    expect(goneOf(chain, 0.95, [0, 1, 2])).toEqual([[1, 0]]);
    expect(goneOf(chain, 0.95, [2, 1, 0])).toEqual([[1, 2]]);
    // Where the middle is best, both ends are like what stays.
    expect(goneOf(chain, 0.95, [1, 0, 2])).toEqual([
      [0, 1],
      [2, 1],
    ]);
  });

  test("candidates are found as often as promised, at the threshold and above it", () => {
    for (const threshold of [0.85, 0.95, 0.99]) {
      const random = createRandom(threshold * 1000);
      const found = (cosine: number): number => {
        const vectors: number[][] = [];
        for (let pair = 0; pair < 800; pair++) {
          const one = direction(random);
          vectors.push(one, near(one, cosine, random));
        }
        return goneOf(vectors, threshold).length / 800;
      };
      // A hair above, since a cosine at the threshold itself may be rounded to below it.
      expect(found(threshold + 1e-6), `at ${threshold}`).toBeGreaterThan(0.98);
      expect(found((1 + threshold) / 2), `above ${threshold}`).toBeGreaterThan(0.999);
      expect(found(threshold - 0.005), `below ${threshold}`).toBe(0);
    }
  });

  test("against comparing all with all: what stays is nearly the same", () => {
    const random = createRandom(7);
    // Clouds of one subject each, whose similarities lie on both sides of the threshold.
    const vectors = Array.from({ length: 60 }, () => direction(random)).flatMap((center) =>
      Array.from({ length: 30 }, () => near(center, 0.9 + 0.1 * random.next(), random)),
    );
    const kept: number[] = [];
    for (const [i, vector] of vectors.entries()) {
      const alike = (other: number): number =>
        vectors[other]!.reduce((sum, x, k) => sum + x * vector[k]!, 0);
      if (!kept.some((other) => alike(other) >= 0.95)) kept.push(i);
    }
    const brute = vectors.length - kept.length;
    const gone = goneOf(vectors, 0.95).length;
    expect(brute).toBeGreaterThan(300);
    expect(gone / brute).toBeGreaterThan(0.97);
    expect(gone / brute).toBeLessThan(1.01);
  });

  test("a crowd of one template is compared in bounded time, and its true copies are found", () => {
    const random = createRandom(3);
    const template = direction(random);
    // All at 0.9 or so of each other, and none a copy.
    const filled = Array.from({ length: 2000 }, () => near(template, 0.95, random));
    const copies = filled.slice(0, 100).map((vector) => near(vector, 0.9999, random));
    const gone = goneOf([...filled, ...copies], 0.99);
    expect(gone).toEqual(copies.map((_, i) => [filled.length + i, i]));
  });

  test("memory for candidates is bounded whatever the threshold", () => {
    for (const threshold of [0.8, 0.9, 0.95, 1])
      for (const count of [0, 1, 1000, 100_000, 10_000_000]) {
        const { rows, bands } = bandsFor(count, threshold);
        expect(bands, `${threshold} ${count}`).toBeLessThanOrEqual(64);
        expect(rows).toBeGreaterThan(3);
      }
  });

  test("what has no direction is like nothing", () => {
    const none = new Array<number>(SIZE).fill(0);
    expect(goneOf([none, none], 0.8)).toEqual([]);
    expect(goneOf([], 0.8)).toEqual([]);
  });
});

describe("texts", () => {
  let root: string;
  let folder: string;
  let scratch: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "twainbot-embedding-"));
    folder = join(root, "model");
    scratch = join(root, "scratch");
    await mkdir(scratch);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const SUBJECTS = "rain mayor pilot bridge chicken senate fog bank moon tax".split(" ");
  const axis = (i: number): number[] => SUBJECTS.map((_, k) => (k === i ? 1 : 0));
  /** Every word has a synonym of nearly the same vector. */
  const words = Object.fromEntries(
    SUBJECTS.flatMap((word, i) => [
      [word, axis(i)],
      [`${word}like`, axis(i).map((x, k) => x + (k === (i + 1) % 10 ? 0.05 : 0))],
    ]),
  );
  const gone = (
    documents: readonly Document[],
    more: Partial<EmbeddingConfig> = {},
    order = ["s"],
  ): Promise<Gone[]> => {
    const config: EmbeddingConfig = { model: folder, threshold: 0.95, batch: 16, ...more };
    const { signal } = new AbortController();
    const step = embeddingDedupStep(config, {
      sourceOrder: order,
      random: createRandom(1),
      scratch,
      signal,
    });
    return goneBy(step, documents, scratch);
  };
  const said = make("a", "rain mayor bridge today");
  const reworded = make("b", "rainlike mayorlike bridgelike now");

  test("a text in other words goes, with its similarity, and who stays is the policy of all copies", async () => {
    await writeTextModel(folder, { words, output: "tokens" });
    const other = make("c", "rain mayor senate today");
    const [only, ...none] = await gone([said, other, reworded]);
    expect(none).toEqual([]);
    expect(only).toMatchObject({ id: "b", of: "a" });
    expect(only!.numbers.similarity).toBeGreaterThan(0.99);
    const later = { ...said, source: "second" };
    const earlier = { ...reworded, source: "first" };
    expect(await gone([later, earlier], {}, ["first", "second"])).toMatchObject([
      { id: "a", of: "b" },
    ]);
    expect(await gone([make("a", said.text), make("b", `${reworded.text} then`)])).toMatchObject([
      { id: "a", of: "b" },
    ]);
  });

  test("templated texts of different meaning all stay", async () => {
    await writeTextModel(folder, { words, output: "tokens" });
    const filled = SUBJECTS.flatMap((one, i) =>
      SUBJECTS.slice(i + 1).map((two) =>
        make(`${one}-${two}`, `what does the ${one} say of the ${two}`),
      ),
    );
    expect(await gone(filled)).toEqual([]);
  });

  test("the order of the input and the size of the batch change nothing", async () => {
    await writeTextModel(folder, { words, output: "tokens" });
    const random = createRandom(5);
    const names = Object.keys(words);
    const documents = Array.from({ length: 300 }, (_, i) =>
      make(
        `d${i}`,
        Array.from({ length: random.integer(2, 5) }, () => random.pick(names)).join(" "),
        { source: i % 2 ? "s" : "t" },
      ),
    );
    const expected = await gone(documents, {}, ["t", "s"]);
    expect(expected.length).toBeGreaterThan(20);
    for (const [seed, batch] of [
      [1, 1],
      [2, 7],
      [3, 1024],
    ] as const)
      expect(await gone(createRandom(seed).shuffle(documents), { batch }, ["t", "s"])).toEqual(
        expected,
      );
  });

  test("a model with its pooling in it, and one that pools by its first token", async () => {
    await writeTextModel(folder, { words, output: "sentence" });
    expect(await gone([said, reworded])).toMatchObject([{ id: "b", of: "a" }]);
    const config = { model: folder, threshold: 0.95, batch: 4 };
    const inside = await openEmbedder(config);
    const { signal } = new AbortController();
    const [one] = await inside.embed([said.text], signal);
    await inside.close();
    expect(Math.hypot(...one!)).toBeCloseTo(1, 6);
    await writeTextModel(folder, { words, output: "tokens" });
    const outside = await openEmbedder(config);
    const [same, empty] = await outside.embed([said.text, " "], signal);
    await outside.close();
    for (const [k, x] of one!.entries()) expect(same![k]).toBeCloseTo(x, 6);
    expect(empty).toEqual(new Float32Array(10));

    const pooling = (modes: Record<string, unknown>): Promise<void> =>
      mkdir(join(folder, "1_Pooling"), { recursive: true }).then(() =>
        writeFile(join(folder, "1_Pooling", "config.json"), JSON.stringify(modes)),
      );
    // The first token of this model has no meaning, so nothing is like anything.
    await pooling({ word_embedding_dimension: 10, pooling_mode_cls_token: true });
    expect(await gone([said, said, reworded].map((each, i) => ({ ...each, id: `d${i}` })))).toEqual(
      [],
    );
    await pooling({ pooling_mode_max_tokens: true, pooling_mode_mean_tokens: false });
    await expect(gone([said])).rejects.toMatchObject({
      code: "curate/model-unfit",
      message: expect.stringContaining("max_tokens") as string,
    });
  });

  test("a long text is more than its beginning", async () => {
    await writeTextModel(folder, { words, output: "tokens", length: 10 });
    const beginning = "rain mayor bridge ".repeat(6);
    const documents = [
      make("a", `${beginning}${"chicken senate ".repeat(9)}`),
      make("b", `${beginning}${"moon bank ".repeat(9)}`),
      make("c", `${beginning}${"moonlike banklike ".repeat(9)}`),
    ];
    expect(await gone(documents)).toMatchObject([{ id: "c", of: "b" }]);
  });

  test("kinds: others are not compared, and wait in their place", async () => {
    await writeTextModel(folder, { words, output: "tokens" });
    const joke = { ...reworded, id: "joke", kind: "joke" as const };
    const copy = make("copy", said.text);
    expect(
      await gone(
        [joke, said, joke, copy].map((each, i) => ({ ...each, id: `${i}${each.id}` })),
        { kinds: ["passage"] },
      ),
    ).toMatchObject([{ id: "3copy", of: "1a" }]);
  });
});
