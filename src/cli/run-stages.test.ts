/** What is wrong with a base is said before any stage runs, by `inspect` too, with the file and what to do. */
import { cp, mkdtemp, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import tiny from "../../recipes/tiny.ts";
import { startHub } from "../../test/fakes/hub-server.ts";
import { tinyConfig, tinyModel } from "../../test/fakes/tiny-model.ts";
import { type Recipe, applyOverrides, parseRecipe } from "../core/recipe.ts";
import { runDir } from "../core/run-dir.ts";
import type { Stage, StageResult } from "../core/stage.ts";
import { writeModel } from "../models/folder.ts";
import {
  openSafetensors,
  readSafetensors,
  streamSafetensors,
  writeSafetensors,
} from "../models/safetensors.ts";
import { createTokenizer, writeTokenizerFiles } from "../tokenizer/tokenizer.ts";
import { trainVocabulary } from "../tokenizer/train-vocabulary.ts";
import { twainTemplate, twainTokens } from "../tokenizer/twain-template.ts";
import { base } from "../train/base-stage.ts";
import { requireDevices } from "../train/require-devices.ts";
import { train } from "../train/train-stage.ts";
import { command as inspect } from "./inspect.ts";
import { runStages } from "./run-stages.ts";

let place = "";
let whole = "";
let folder = "";
const WEIGHTS = "model.safetensors";
const CONFIG = "config.json";
const TOKENIZER = "tokenizer.json";
const TEMPLATE = "tokenizer_config.json";
const Q = "model.layers.1.self_attn.q_proj";

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "twainbot-run-stages-"));
  whole = join(place, "whole");
  const files = await trainVocabulary(["rain or sun"], { ...twainTokens, vocabSize: 300 });
  await writeTokenizerFiles(whole, files);
  const config = { ...tinyConfig, vocab_size: createTokenizer(files).vocabSize };
  await writeModel(whole, config, tinyModel(1, config).tensors);
});
beforeEach(async () => {
  folder = join(place, "model");
  await rm(folder, { recursive: true, force: true });
  await cp(whole, folder, { recursive: true });
});
afterAll(() => rm(place, { recursive: true }));

const { signal } = new AbortController();

/** A stage that only says that it ran, anew for every change of the recipe. */
function stageThatTells(name: "collect" | "dapt", ran: string[]): Stage {
  return {
    name,
    needs: [],
    config: (recipe) => recipe,
    // oxlint-disable-next-line require-yield
    async *run(): AsyncGenerator<never, StageResult> {
      ran.push(name);
      return { outputs: [], counts: {} };
    },
  };
}

const settings = (from: object, more: readonly string[]): string[] => [
  "name=broken",
  `base=${JSON.stringify(from)}`,
  "train.sequenceLength=64",
  ...more,
];
const recipeOf = (from: object, more: readonly string[]): Recipe =>
  parseRecipe(applyOverrides(tiny, settings(from, more)), "test");

/** What a run says of a base, and which stages ran. */
async function told(
  from: object,
  more: readonly string[] = [],
): Promise<{ error: unknown; ran: string[] }> {
  const ran: string[] = [];
  const runs = join(place, "runs");
  const stages = [stageThatTells("collect", ran), base, train];
  const error: unknown = await runStages(stages, recipeOf(from, more), {
    runs,
    json: true,
    signal,
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(await readdir(runs).catch(() => [])).toEqual([]);
  return { error, ran };
}

async function edit(
  name: string,
  change: (json: Record<string, unknown>) => object,
): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, "utf8")))));
}
const set = (name: string, values: object) => () => edit(name, (json) => ({ ...json, ...values }));
const template = (source: unknown) => set(TEMPLATE, { chat_template: source });

/** The weights with one tensor in another type, its bytes all 0. */
async function retype(name: string, dtype: "F64" | "U8", elements: number): Promise<void> {
  const path = join(folder, WEIGHTS);
  const file = await openSafetensors(path);
  const [types, bytes] = [new Map(file.entries), new Map<string, Uint8Array>()];
  for (const each of types.keys()) bytes.set(each, await file.read(each));
  await file.close();
  types.set(name, { dtype, shape: [elements] });
  bytes.set(name, new Uint8Array(elements * (dtype === "F64" ? 8 : 1)));
  await streamSafetensors(path, types, {}, bytes.values());
}

async function changeTensors(
  change: (tensors: Awaited<ReturnType<typeof readSafetensors>>["tensors"]) => void,
): Promise<void> {
  const { tensors } = await readSafetensors(join(folder, WEIGHTS));
  change(tensors);
  await writeSafetensors(join(folder, WEIGHTS), tensors);
}

/** What is done to a folder, the code, the file that the message names, and what else it or the hint says. */
type Case = [
  name: string,
  harm: () => Promise<unknown>,
  code: string,
  file: string,
  says: RegExp,
  settings?: string[],
];

const config: Case[] = [
  ["cut short", () => truncate(join(folder, CONFIG), 50), "model/bad-json", CONFIG, /not JSON/],
  [
    "of a family we do not run",
    set(CONFIG, { model_type: "mamba" }),
    "model/unsupported",
    CONFIG,
    /"mamba"/,
  ],
  [
    "of weights that AWQ quantized",
    set(CONFIG, { quantization_config: { quant_method: "awq", bits: 4 } }),
    "model/unsupported",
    CONFIG,
    /awq.*before quantization/s,
  ],
  [
    "of 4-bit weights for a recipe without quantization",
    set(CONFIG, { quantization_config: { quant_method: "bitsandbytes", load_in_4bit: true } }),
    "model/quant-state",
    CONFIG,
    /train\.quantization=nf4/,
  ],
  [
    "of FP4 weights",
    set(CONFIG, {
      quantization_config: { quant_method: "bitsandbytes", bnb_4bit_quant_type: "fp4" },
    }),
    "model/quant-state",
    CONFIG,
    /type fp4/,
    ["train.quantization=nf4"],
  ],
  [
    "with a window shorter than the sequences",
    set(CONFIG, { model_type: "mistral", sliding_window: 32 }),
    "model/unsupported",
    CONFIG,
    /64 tokens.*only the 32 tokens.*train\.sequenceLength to 32/s,
  ],
  [
    "with a rotation that another section would leave",
    set(CONFIG, { rope_scaling: { rope_type: "dynamic", factor: 2 } }),
    "model/unsupported",
    CONFIG,
    /128 tokens.*dapt\.sequenceLength to 64/s,
    ["dapt.steps=1", "dapt.sequenceLength=128"],
  ],
];

const weights: Case[] = [
  ["that are not there", () => rm(join(folder, WEIGHTS)), "model/missing-file", "", /index/],
  [
    "of which a shard is missing",
    () =>
      writeFile(
        join(folder, "model.safetensors.index.json"),
        JSON.stringify({ weight_map: { a: "model-00001-of-00002.safetensors" } }),
      ),
    "model/missing-shard",
    "",
    /model-00001-of-00002/,
  ],
  [
    "cut short",
    () => truncate(join(folder, WEIGHTS), 9000),
    "model/bad-safetensors",
    WEIGHTS,
    /cut short/,
  ],
  [
    "without a tensor",
    () => changeTensors((tensors) => tensors.delete(`${Q}.weight`)),
    "model/tensor-missing",
    "",
    /q_proj\.weight/,
  ],
  [
    "of another shape",
    set(CONFIG, { intermediate_size: 80 }),
    "model/tensor-shape",
    "",
    /asks for \[80, 24\]/,
  ],
  [
    "with biases that would not be used",
    () => changeTensors((all) => all.set(`${Q}.bias`, { shape: [24], data: new Float32Array(24) })),
    "model/tensor-unread",
    "",
    /q_proj\.bias.*attention_bias/s,
  ],
  [
    "with more layers than config.json says",
    set(CONFIG, { num_hidden_layers: 1 }),
    "model/tensor-unread",
    "",
    /model\.layers\.1\..* and 8 more/,
  ],
  [
    "that GPTQ packed, which config.json does not say",
    () =>
      changeTensors((all) => {
        all.delete(`${Q}.weight`);
        all.set(`${Q}.qweight`, { shape: [3], data: new Float32Array(3) });
      }),
    "model/unsupported",
    "",
    /q_proj is stored quantized \(qweight\)/,
  ],
  [
    "in 4 bits, which config.json does not say",
    () => retype(`${Q}.weight`, "U8", 288),
    "model/quant-state",
    WEIGHTS,
    /q_proj\.weight.*train\.quantization=nf4/s,
  ],
  [
    "of a type that is not read",
    () => retype(`${Q}.weight`, "F64", 576),
    "model/tensor-shape",
    "",
    /q_proj\.weight is \[576\]/,
  ],
  [
    "of a norm in a type that is not read",
    () => retype("model.norm.weight", "F64", 24),
    "model/bad-safetensors",
    WEIGHTS,
    /model\.norm\.weight has type F64/,
  ],
];

const tokenizer: Case[] = [
  ["that is not there", () => rm(join(folder, TOKENIZER)), "tokenizer/unreadable", TOKENIZER, /./],
  [
    "of another model",
    () =>
      edit(TOKENIZER, (json) => ({
        ...json,
        added_tokens: [
          ...(json["added_tokens"] as object[]),
          { id: 900, content: "<|far|>", special: true },
        ],
      })),
    "model/vocab-mismatch",
    "",
    /901 tokens, the embedding 300/,
  ],
  ...(
    [
      ["with a pre-tokenizer that nobody knows", { pre_tokenizer: { type: "Nope" } }, /Nope/],
      ["with a normalizer that nobody knows", { normalizer: { type: "Nope" } }, /Nope/],
      ["with a decoder that nobody knows", { decoder: { type: "Nope" } }, /Nope/],
      ["of a kind that nobody knows", { model: { type: "Nope", vocab: {} } }, /model\.type/],
      ["without a vocabulary", { model: { type: "BPE" } }, /no tokenizer/],
      [
        "with a pattern that is none",
        {
          pre_tokenizer: {
            type: "Split",
            pattern: { Regex: "(?P<x>[" },
            behavior: "Isolated",
            invert: false,
          },
        },
        /no tokenizer/,
      ],
    ] as const
  ).map(([name, values, says]): Case => [
    name,
    set(TOKENIZER, values),
    "tokenizer/invalid",
    TOKENIZER,
    says,
  ]),
  ["whose end is a number", set(TEMPLATE, { eos_token: 7 }), "tokenizer/invalid", TEMPLATE, /eos/],
];

const turns = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}";
const templates: Case[] = [
  ["that is a number", template(7), "tokenizer/invalid", TEMPLATE, /chat_template/],
  ["that is not there", template(null), "tokenizer/no-chat-template", TEMPLATE, /instruct/],
  [
    "that breaks off",
    template("{% for m in messages %}{{ m.content "),
    "tokenizer/template-failed",
    TEMPLATE,
    /no Jinja/,
  ],
  [
    "in a file of its own that breaks off",
    () => writeFile(join(folder, "chat_template.jinja"), "{% if tools %}"),
    "tokenizer/template-failed",
    "chat_template.jinja",
    /no Jinja/,
  ],
  [
    "without a place for tools",
    template(`${turns}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`),
    "tokenizer/no-tools-branch",
    TEMPLATE,
    /does not mention tools/,
  ],
  [
    "that does not end a turn",
    template(
      `{{ tools }}${turns}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}`,
    ),
    "tokenizer/no-stop-token",
    TEMPLATE,
    /without a stop token.*eos_token/s,
  ],
  [
    "that refuses a message of the system",
    template(
      twainTemplate.replace(
        "{% for message in messages %}",
        "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system here') }}{% endif %}",
      ),
    ),
    "tokenizer/template-failed",
    TEMPLATE,
    /system, user, assistant, tool, assistant.*no system here/s,
  ],
  [
    "that renders the last turn in another way",
    template(twainTemplate.replace("{{ '<|' +", "{% if loop.last %}!{% endif %}{{ '<|' +")),
    "tokenizer/template-not-prefix-preserving",
    TEMPLATE,
    /differently/,
  ],
];

const groups = { config, weights, tokenizer, "a chat template": templates };
describe.each(Object.entries(groups))("%s", (_group, cases) => {
  test.each(cases)("%s", async (_name, harm, code, file, says, more = []) => {
    await harm();
    const from = { kind: "folder", path: folder };
    const { error, ran } = await told(from, more);
    expect(error).toMatchObject({ code, hint: expect.any(String) as string });
    const { message, hint } = error as Error & { hint: string };
    expect(message).toContain(join(folder, file));
    expect(`${message} ${hint}`).toMatch(says);
    expect(ran).toEqual([]);
    const args = ["tiny", ...settings(from, more), "--runs", join(place, "runs")];
    await expect(inspect.start(args, signal)).rejects.toMatchObject({ code, message });
  });
});

describe("a base from a hub", () => {
  const name = "someone/tiny";
  const from = { kind: "hub", name };

  test("is refused for what its small files say, and no weight is fetched", async () => {
    const hub = await startHub(folder, name);
    vi.stubEnv("HF_ENDPOINT", hub.endpoint);
    vi.stubEnv("TWAINBOT_CACHE", join(place, "cache"));
    try {
      const off = await told(from);
      expect(off).toMatchObject({ error: { code: "model/network-off" }, ran: [] });
      const shown: string[] = [];
      const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
        shown.push(String(text));
        return true;
      });
      const args = ["tiny", ...settings(from, []), "--runs", join(place, "runs")];
      expect(await inspect.start(args, signal)).toBe(0);
      write.mockRestore();
      expect(shown.join("")).toMatch(/base model is not there yet.*data\.network=true/);
      expect(hub.requests).toEqual([]);

      await template(turns)();
      const broken = await told(from, ["data.network=true"]);
      expect(broken).toMatchObject({ error: { code: "tokenizer/template-failed" }, ran: [] });
      expect(String(broken.error)).toContain(join(place, "cache"));
      await set(CONFIG, { quantization_config: { quant_method: "gptq" } })();
      const other = await told(from, ["data.network=true"]);
      expect(other).toMatchObject({ error: { code: "model/unsupported" }, ran: [] });
      expect(hub.requests.filter((line) => line.startsWith("CDN"))).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      await hub.close();
    }
  });
});

test("sequences longer than the base knows are trained, and said at once", async () => {
  const from = { kind: "folder", path: folder };
  const recipe = recipeOf(from, ["train.sequenceLength=65", "train.quantization=nf4"]);
  const lines = await base.check!(recipe, runDir("nowhere"), signal);
  expect(lines).toEqual([
    expect.stringMatching(/train\.sequenceLength is 65, the base knows 64 positions/),
  ]);
});

test("memory is told before the first stage where only plain text changed, among however many settings", async () => {
  const ran: string[] = [];
  const stages = [stageThatTells("collect", ran), stageThatTells("dapt", ran)];
  const own = ["base.hidden=480", "base.intermediate=8192", "dapt.steps=1"];
  const run = async (...more: string[]): Promise<unknown> =>
    runStages(stages, parseRecipe(applyOverrides(tiny, [...own, ...more]), "test"), {
      runs: join(place, "changed"),
      json: true,
      signal,
    });
  await run("dapt.microBatch=1");
  expect(ran).toEqual(["collect", "dapt"]);
  const others = ["minWords=10", "maxWords=60"].map((text) => `curate.chunk.${text}`);
  const many = ["shingle=4", "bands=21", "rows=12", "sample=4", "threshold=0.7"];
  const large = ["dapt.microBatch=512"];
  await expect(
    run(...others, ...many.map((text) => `curate.dedup.${text}`), ...large),
  ).rejects.toMatchObject({ code: "train/not-enough-memory" });
  expect(ran).toEqual(["collect", "dapt"]);
});

test("a device that does not work is told before a base is trained for nothing, where a stage is still to be done", async () => {
  vi.stubEnv("VK_ICD_FILENAMES", "/nowhere.json");
  vi.stubEnv("VK_DRIVER_FILES", "/nowhere.json");
  const recipe = parseRecipe(applyOverrides(tiny, ["dapt.steps=1", "dapt.device=webgpu"]), "test");
  await requireDevices(recipe, ["collect", "base", "train"], signal);
  if (process.platform === "linux")
    await expect(requireDevices(recipe, ["base", "dapt"], signal)).rejects.toMatchObject({
      code: "engine/no-webgpu",
    });
  vi.unstubAllEnvs();
});
