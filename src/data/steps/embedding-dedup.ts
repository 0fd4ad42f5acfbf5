/**
 * Texts that mean the same in other words, by the cosine of their sentence embeddings (SemDeDup, Abbas et al. 2023,
 * arXiv 2303.09540; there clusters of k-means propose, here hyperplanes do). As with near duplicates, a text goes only
 * for its likeness to one that stays, and who stays is the same policy.
 */
import { join } from "node:path";
import type { Document } from "../../core/document.ts";
import type { Random } from "../../core/random.ts";
import type { Recipe } from "../../core/recipe.ts";
import { batchesOf } from "../batches-of.ts";
import {
  type OnnxTextModel,
  type Pooling,
  chooseOutput,
  openOnnxTextModel,
  unfit,
} from "../onnx-text-model.ts";
import { SAME_MEANING, type Step, drop, keep } from "../pipeline.ts";
import { openSpool } from "../spool.ts";
import { equalKeys } from "./equal-keys.ts";
import { type VectorList, bandsFor, createVectorList, hyperplaneKeys } from "./hyperplanes.ts";
import { type Survival, createSurvival } from "./survivor.ts";

export type EmbeddingConfig = NonNullable<Recipe["curate"]["dedup"]["embeddings"]>;

/** Documents that are read before they are embedded: among many there are more of one length. */
const READ = 1024;
/** So many kept texts of one group are compared with the next one; a source of one template is one large group. */
const CROWD = 256;

export interface Match {
  of: number;
  similarity: number;
}

/** Number of the group of each key, -1 where no other has it; and how many groups there are. */
function groupsOf(keys: Int32Array, bands: number): { groups: Int32Array; count: number } {
  const items = keys.length / bands;
  const groups = new Int32Array(keys.length).fill(-1);
  let count = 0;
  for (let band = 0; band < bands; band++)
    for (const alike of equalKeys(items, (i) => keys[i * bands + band]!)) {
      for (const i of alike) groups[i * bands + band] = count;
      count++;
    }
  return { groups, count };
}

/**
 * For each vector that goes, the one that stays for it. `vectors` have length 1, or 0 where a text has no meaning.
 * In memory: `bands` times 8 bytes for each, beside the vectors.
 */
export function sameMeaning(
  vectors: VectorList,
  threshold: number,
  compare: Survival["compare"],
  random: Random,
): Map<number, Match> {
  const shape = bandsFor(vectors.length, threshold);
  const { bands } = shape;
  const { groups, count } = groupsOf(hyperplaneKeys(vectors, shape, random), bands);
  /** Kept texts of each group as a list: its newest entry, the entry before each, and how many. */
  const newest = new Int32Array(count).fill(-1);
  const before = new Int32Array(groups.length);
  const members = new Int32Array(count);
  const comparedWith = new Int32Array(vectors.length).fill(-1);
  const gone = new Map<number, Match>();
  // Best first: whatever a text is compared with is already known to stay.
  for (const i of Array.from({ length: vectors.length }, (_, k) => k).sort(compare)) {
    let best: Match | undefined;
    for (let place = i * bands; place < (i + 1) * bands; place++) {
      const group = groups[place]!;
      if (group < 0) continue;
      for (let entry = newest[group]!; entry >= 0; entry = before[entry]!) {
        const other = Math.floor(entry / bands);
        if (comparedWith[other] === i) continue;
        comparedWith[other] = i;
        const similarity = vectors.dot(i, other);
        if (similarity >= threshold && similarity > (best?.similarity ?? 0))
          best = { of: other, similarity };
      }
    }
    if (best) {
      gone.set(i, best);
      continue;
    }
    for (let place = i * bands; place < (i + 1) * bands; place++) {
      const group = groups[place]!;
      if (group < 0 || members[group]! >= CROWD) continue;
      members[group]!++;
      before[place] = newest[group]!;
      newest[group] = place;
    }
  }
  return gone;
}

export interface Embedder {
  /** Numbers in an embedding. */
  readonly size: number;
  /** Of length 1; of a text without tokens all zeros, which is like nothing. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]>;
  close(): Promise<void>;
}

function poolingOf({ folder }: OnnxTextModel): Pooling {
  const [only = "mean_tokens", ...others] = folder.poolings;
  if (others.length === 0 && only === "mean_tokens") return "mean";
  if (others.length === 0 && only === "cls_token") return "first";
  throw unfit(
    `${folder.folder}/1_Pooling/config.json`,
    `pools by ${folder.poolings.join(" and ")}; mean_tokens and cls_token are known`,
    "Export the model with its pooling in it: sentence-transformers models get an output sentence_embedding from optimum-cli.",
  );
}

async function embedderOf(model: OnnxTextModel, config: EmbeddingConfig): Promise<Embedder> {
  const names = ["sentence_embedding", "last_hidden_state", "token_embeddings"];
  const output = chooseOutput(model, names, [2, 3], "feature-extraction");
  const pooling = output.rank === 3 ? poolingOf(model) : "first";
  const options = { output, pooling, batch: config.batch } as const;
  const size = await model.width(options);
  return {
    size,
    async embed(texts, signal) {
      const found = await model.vectors(texts, { ...options, signal });
      return found.map((windows) => {
        // All windows of a long text have one length, so the plain mean is that of its tokens.
        const sum = new Float64Array(size);
        for (const vector of windows) for (let k = 0; k < size; k++) sum[k]! += vector[k]!;
        const norm = Math.sqrt(sum.reduce((total, x) => total + x * x, 0));
        return Float32Array.from(sum, (x) => (norm === 0 ? 0 : x / norm));
      });
    },
    close: () => model.close(),
  };
}

/** Opens the model of a recipe. Throws what `openOnnxTextModel` throws, and `curate/model-unfit`. */
export async function openEmbedder(config: EmbeddingConfig): Promise<Embedder> {
  const model = await openOnnxTextModel(config.model);
  try {
    return await embedderOf(model, config);
  } catch (error) {
    await model.close();
    throw error;
  }
}

const judgesOf =
  ({ kinds }: EmbeddingConfig) =>
  ({ kind }: Document): boolean =>
    kinds?.includes(kind) ?? true;

export interface EmbeddingDedupOptions {
  sourceOrder: readonly string[];
  random: Random;
  /** A folder for documents that wait. */
  scratch: string;
  signal: AbortSignal;
  /** Hears how many texts are embedded. */
  told?(done: number): void;
}

/** The embeddings of the documents that are judged; each document is handed on before. */
async function readEmbeddings(
  config: EmbeddingConfig,
  stream: AsyncIterable<Document>,
  { signal, told }: EmbeddingDedupOptions,
  handOn: (document: Document) => Promise<void>,
): Promise<VectorList> {
  const embedder = await openEmbedder(config);
  try {
    const vectors = createVectorList(embedder.size);
    for await (const batch of batchesOf(stream, READ)) {
      for (const document of batch) await handOn(document);
      const texts = batch.filter(judgesOf(config)).map(({ text }) => text);
      for (const vector of await embedder.embed(texts, signal)) vectors.add(vector);
      told?.(vectors.length);
    }
    return vectors;
  } finally {
    await embedder.close();
  }
}

/** In memory: 4 bytes for each number of each embedding, and what `sameMeaning` says. */
export function embeddingDedupStep(config: EmbeddingConfig, options: EmbeddingDedupOptions): Step {
  const { sourceOrder, random, scratch } = options;
  const judges = judgesOf(config);
  return {
    name: "embedding-dedup",
    async *run(stream) {
      const documents = await openSpool<Document>(join(scratch, ".embedding-dedup.spool"));
      try {
        const survival = createSurvival(sourceOrder);
        const vectors = await readEmbeddings(config, stream, options, async (document) => {
          if (judges(document)) survival.add(document);
          await documents.append(document);
        });
        await documents.finish();
        const gone = sameMeaning(vectors, config.threshold, survival.compare, random);
        let at = 0;
        for (const document of documents) {
          const match = judges(document) ? gone.get(at++) : undefined;
          if (match)
            yield drop(
              document,
              SAME_MEANING,
              { similarity: Math.round(match.similarity * 1000) / 1000 },
              survival.idOf(match.of),
            );
          else yield keep(document);
        }
      } finally {
        await documents.remove();
      }
    },
  };
}
