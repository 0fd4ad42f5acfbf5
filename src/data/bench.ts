/** `twainbot bench data`: MinHash signatures a second, and documents without end through the whole curate stage. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TwainError } from "../core/errors.ts";
import type { Figure } from "../core/figure.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { createRandom } from "../core/random.ts";
import { parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import { benchDocuments, copiesAmong, openBenchText } from "./bench-documents.ts";
import { documentsFile } from "./collect.ts";
import { curate } from "./curate.ts";
import { createBander, hashShingles } from "./steps/minhash.ts";

const SEED = 1;
const SIGNED = 5000;
/** Each measurement of signatures takes at least so many seconds. */
const SECONDS = 2;
/** FineWeb's bands and rows, and those of our recipes. */
const SHAPES = [
  [14, 8],
  [20, 13],
] as const;

const bytesOf = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);

/** From the text to one key for each band, 200 words a document, on one core. */
async function signatures(signal: AbortSignal): Promise<Figure[]> {
  const words = await openBenchText(SEED);
  const texts = Array.from({ length: SIGNED }, (_, i) => words.passage(200, `signed ${i}`));
  const figures: Figure[] = [];
  for (const [bands, rows] of SHAPES) {
    const bander = createBander(bands, rows, createRandom(SEED));
    const pass = (): void => {
      for (const text of texts) bander(hashShingles(text, 5));
    };
    // The first pass is the compiler's.
    pass();
    const started = performance.now();
    let passes = 0;
    let seconds = 0;
    while (seconds < SECONDS) {
      signal.throwIfAborted();
      pass();
      passes++;
      seconds = (performance.now() - started) / 1000;
    }
    const name = `signatures ${bands}x${rows}`;
    figures.push(
      { name, value: (passes * SIGNED) / seconds, unit: "documents/s" },
      { name: "", value: (passes * bytesOf(texts)) / seconds / 1e6, unit: "MB/s" },
    );
  }
  return figures;
}

const recipe = parseRecipe(
  {
    name: "bench-data",
    data: { sources: [{ kind: "bench" }] },
    // A row for every document, and next to no episodes.
    curate: { episodes: { train: 200, cases: 8 } },
    base: { kind: "scratch", training: { steps: 1, learningRate: 1 } },
    train: { steps: 1, learningRate: 1 },
  },
  "bench data",
);

/** The curate stage over `count` documents that lie on disk as collected: files read, files written. */
async function curated(
  count: number,
  signal: AbortSignal,
): Promise<{ seconds: number; cpu: number; found: Record<string, number> }> {
  const root = await mkdtemp(join(tmpdir(), "twainbot-bench-"));
  try {
    const dir = runDir(root);
    const words = await openBenchText(SEED);
    await writeJsonl(documentsFile(dir, 0, "bench"), benchDocuments(words, count));
    const config = curate.config(recipe);
    const started = performance.now();
    const before = process.cpuUsage();
    const work = curate.run({ recipe, config, dir, fingerprint: "bench", signal });
    let next = await work.next();
    while (!next.done) next = await work.next();
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(before);
    return { seconds, cpu: (user + system) / 1e6, found: next.value.dropped ?? {} };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const peakGigabytes = (): number => process.resourceUsage().maxRSS / 1e6;

/**
 * Signatures first; then the curate stage over a tenth, half and all of `documents`. Throws `data/wrong-result` where
 * it did not remove the copies that are there: a rate of wrong work says nothing.
 */
export async function benchData(
  documents: number,
  signal: AbortSignal,
  report: (line: string) => void,
): Promise<Figure[]> {
  const figures = await signatures(signal);
  for (const share of [10, 50, 100]) {
    const count = Math.max(1, Math.round((documents * share) / 100));
    const { seconds, cpu, found } = await curated(count, signal);
    const copies = copiesAmong(count);
    const exact = found["exact-dedup: exact duplicate"] ?? 0;
    const near = found["near-dedup: near duplicate"] ?? 0;
    const passages = found["shared-passages: passage of another work"] ?? 0;
    report(
      `${count} documents in ${seconds.toFixed(1)} s (${cpu.toFixed(1)} s of processor time): ${exact} of ${copies.exact} exact copies, ${near} of ${copies.near} near ones and ${passages} chunks of ${copies.paragraphs} paragraphs of second editions removed, peak ${peakGigabytes().toFixed(2)} GB`,
    );
    // A passage of an edition that the sample misses may still be a near copy of one of the other.
    if (
      exact !== copies.exact ||
      near < copies.near * 0.99 ||
      near > copies.near + copies.paragraphs - passages
    )
      throw new TwainError(
        "data/wrong-result",
        `of ${count} documents ${exact} were removed as exact and ${near} as near copies, but ${copies.exact} and ${copies.near} are there`,
      );
    figures.push(
      { name: `curated, ${share} %`, value: count / seconds, unit: "documents/s" },
      { name: "", value: count / cpu, unit: "documents a second of processor time" },
      { name: "", value: peakGigabytes(), unit: "GB peak" },
    );
  }
  return figures;
}
