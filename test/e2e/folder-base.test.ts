/** A recipe on a base model that is already there: a golden Qwen3 folder with a vocabulary of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startHub } from "../fakes/hub-server.ts";
import { type AssistantTurn, type Chat, completeTurn } from "../../src/core/chat.ts";
import type { Recipe } from "../../src/core/recipe.ts";
import { type RunDir, runDir } from "../../src/core/run-dir.ts";
import { packageRoot } from "../../src/core/package-root.ts";
import { createRandom } from "../../src/core/random.ts";
import { openRunModels, readRunRecipe } from "../../src/cli/open-run.ts";
import { readModel, writeModel } from "../../src/models/folder.ts";
import { readAdapter, writeAdapter } from "../../src/models/peft.ts";
import { createTokenizer, writeTokenizerFiles } from "../../src/tokenizer/tokenizer.ts";
import { trainVocabulary } from "../../src/tokenizer/train-vocabulary.ts";
import { twainTokens } from "../../src/tokenizer/twain-template.ts";

const slow = { timeout: 180_000 };
let place: string;
let folder: string;

/** The golden model with an embedding for `vocabulary` tokens and a few to spare, as real ones have. */
async function writeBase(seed: number): Promise<void> {
  const text = await readFile(join(packageRoot(), "README.md"), "utf8");
  async function* texts(): AsyncGenerator<string> {
    yield text;
  }
  const files = await trainVocabulary(texts(), { ...twainTokens, vocabSize: 400 });
  await writeTokenizerFiles(folder, files);
  const { config, tensors } = await readModel(join(packageRoot(), "test", "golden", "qwen3"));
  const vocab = createTokenizer(files).vocabSize + 5;
  const random = createRandom(seed);
  const table = (): { shape: number[]; data: Float32Array } => ({
    shape: [vocab, config.hidden_size],
    data: Float32Array.from({ length: vocab * config.hidden_size }, () => 0.3 * random.normal()),
  });
  const all = new Map(tensors);
  for (const name of ["model.embed_tokens.weight", "lm_head.weight"]) all.set(name, table());
  await writeModel(folder, { ...config, vocab_size: vocab, max_position_embeddings: 512 }, all);
}

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "twainbot-folder-base-"));
  folder = join(place, "model");
  await writeBase(1);
});
afterAll(() => rm(place, { recursive: true, force: true }));

async function twainbot(
  env: Record<string, string>,
  ...args: string[]
): Promise<{ code: unknown; out: string; error: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...args], {
    cwd: packageRoot(),
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  let [out, error] = ["", ""];
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (error += data.toString()));
  const [code] = await once(child, "close");
  return { code, out, error };
}
/** The recipe `tiny`, shortened, on another base; always the same run, whose dataset stays. */
const run = (base: { kind: string }, env = {}, ...args: string[]): ReturnType<typeof twainbot> =>
  twainbot(
    env,
    "run",
    "tiny",
    "name=other-base",
    "--runs",
    place,
    "--json",
    `base=${JSON.stringify(base)}`,
    "train.steps=2",
    "train.sequenceLength=512",
    "train.microBatch=2",
    "evaluate.samples=2",
    "evaluate.maxTokens=8",
    ...args,
  );
const statuses = (out: string): string[] =>
  (JSON.parse(out) as { stages: { stage: string; status: string }[] }).stages.map(
    ({ stage, status }) => `${stage} ${status}`,
  );

/** Two runs on one base, served at once, say what each says alone; a question asked again is not read again. */
async function serveTwo(recipe: Recipe, dir: RunDir): Promise<void> {
  const second = {
    recipe: { ...recipe, name: "other-two" },
    dir: runDir(join(place, "other-two")),
  };
  await cp(dir.root, second.dir.root, { recursive: true });
  const adapter = await readAdapter(dir.train.adapter, await readModel(folder));
  for (const [name, data] of adapter.tensors)
    if (name.endsWith("lora_B.weight"))
      adapter.tensors.set(
        name,
        data.map((x) => -300 * x),
      );
  await writeAdapter(second.dir.train.adapter, { ...adapter, baseName: "x", card: "" });

  const runs = [{ recipe, dir }, second];
  const ask = async (chat: Chat): Promise<AssistantTurn> =>
    completeTurn(chat([{ role: "user", content: "Will it rain in Hannibal?" }], { maxTokens: 12 }));
  const alone = new Map<string, string | null>();
  for (const run of runs) {
    const { models, close } = await openRunModels([run], { slots: 1 });
    for (const { id, chat } of models) alone.set(id, (await ask(chat)).message.content);
    await close();
  }
  expect(alone.get("other-two")).not.toBe(alone.get("other-base"));

  const { models, close } = await openRunModels(runs, { slots: 4, prefixBytes: 1 << 20 });
  expect(models.map(({ id, base }) => `${id} of ${base}`)).toEqual([
    "other-base of other-base-base",
    "other-two of other-base-base",
    "other-base-base of other-base-base",
  ]);
  for (const again of [false, true]) {
    const turns = await Promise.all(models.map(({ chat }) => ask(chat)));
    for (const [i, { message, usage }] of turns.entries()) {
      expect(message.content).toBe(alone.get(models[i]!.id));
      expect(usage.cachedTokens).toBe(again ? usage.promptTokens - 1 : 0);
    }
  }
  await close();
}

test(
  "is trained on, measured and answers; other weights under the same name are noticed",
  slow,
  async () => {
    const base = { kind: "folder", path: folder, name: "someone/tiny-qwen3" };
    const first = await run(base);
    expect(first.error).toMatch(/qwen3, [\d,]+ parameters/);
    expect(first.code).toBe(0);
    const dir = runDir(join(place, "other-base"));
    const adapter = JSON.parse(
      await readFile(join(dir.train.adapter, "adapter_config.json"), "utf8"),
    ) as object;
    expect(adapter).toMatchObject({ base_model_name_or_path: "someone/tiny-qwen3" });

    const recipe = await readRunRecipe(dir);
    const { models, close } = await openRunModels([{ recipe, dir }], { slots: 1 });
    expect(models.map(({ name }) => name)).toEqual(["adapter", "base"]);
    for (const { chat } of models) {
      const turn = chat([{ role: "user", content: "Rain?" }], { maxTokens: 4 });
      let next = await turn.next();
      while (!next.done) next = await turn.next();
      expect(next.value.usage.completionTokens).toBeGreaterThan(0);
    }
    await close();
    await serveTwo(recipe, dir);

    expect(statuses((await run(base)).out).slice(2)).toEqual([
      "base up to date",
      "train up to date",
      "evaluate up to date",
    ]);
    await writeBase(2);
    expect(statuses((await run(base)).out).slice(2)).toEqual([
      "base done",
      "train done",
      "evaluate done",
    ]);
  },
);

test("comes from a hub when that is allowed, and then needs it no more", slow, async () => {
  const hub = await startHub(folder, "someone/tiny-qwen3");
  const env = { HF_ENDPOINT: hub.endpoint, TWAINBOT_CACHE: join(place, "cache") };
  const base = { kind: "hub", name: "someone/tiny-qwen3" };
  const refused = await run(base, env);
  expect(refused.code).toBe(1);
  expect(refused.error).toContain("error[model/network-off]");
  expect(hub.requests).toEqual([]);

  const first = await run(base, env, "data.network=true");
  expect(first.error).toMatch(/qwen3, [\d,]+ parameters/);
  expect(first.code).toBe(0);
  const dir = runDir(join(place, "other-base"));
  expect(
    JSON.parse(await readFile(join(dir.train.adapter, "adapter_config.json"), "utf8")),
  ).toMatchObject({ base_model_name_or_path: "someone/tiny-qwen3" });

  await hub.close();
  expect(statuses((await run(base, env)).out).slice(2)).toEqual([
    "base up to date",
    "train up to date",
    "evaluate up to date",
  ]);

  // Of the same size, so that only a hash can tell.
  const weights = join(place, "cache", "models", "someone--tiny-qwen3@main", "model.safetensors");
  const bytes = await readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(weights, bytes);
  const damaged = await run(base, env);
  expect(damaged.code).toBe(1);
  expect(damaged.error).toMatch(/error\[model\/cache-damaged\].*model\.safetensors/);

  // Cut short in what is read before a run starts; fetched again where that is allowed.
  await writeFile(weights, bytes.subarray(0, 100));
  const back = await startHub(folder, "someone/tiny-qwen3");
  const mended = await run(base, { ...env, HF_ENDPOINT: back.endpoint }, "data.network=true");
  await back.close();
  expect(mended.code, mended.error).toBe(0);
  bytes[bytes.length - 1]! ^= 1;
  expect((await readFile(weights)).equals(bytes)).toBe(true);
});
