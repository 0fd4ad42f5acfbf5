/**
 * Recipes: what to build, as strict data. The parts that grow (sources, evaluation tasks) are only
 * named here; whoever owns them checks their own fields before anything runs.
 */
import { z } from "zod";
import { Persona } from "./conversation.ts";
import { CurateConfig } from "./curate-config.ts";
import { DocumentKind } from "./document.ts";
import { TwainError } from "./errors.ts";
import { explainIssues } from "./recipe-errors.ts";

/** One source of documents; its other fields belong to `data/sources/<kind>.ts`. */
export const SourceConfig = z.looseObject({ kind: z.string() });
export type SourceConfig = z.infer<typeof SourceConfig>;

const fraction = z.number().min(0).max(1);
const count = z.number().int().nonnegative();
const positive = z.number().int().positive();

const TrainingConfig = z.strictObject({
  steps: positive,
  sequenceLength: positive.max(131_072).default(384),
  /** Packed sequences in one forward pass. */
  microBatch: positive.max(4096).default(8),
  /** Micro-batches in one optimizer step; the loss is normalised by trained tokens over all of them. */
  gradientAccumulation: positive.default(1),
  learningRate: z.number().positive(),
  warmupSteps: count.default(50),
  schedule: z.enum(["cosine", "linear", "constant"]).default("cosine"),
  /** The schedule ends at this share of `learningRate`. */
  finalLearningRate: fraction.default(0.1),
  /** `muon` trains the matrices of linear layers and of LoRA so, and all else by AdamW. */
  optimizer: z.enum(["adamw", "muon"]).default("adamw"),
  weightDecay: z.number().nonnegative().default(0.01),
  beta1: fraction.default(0.9),
  beta2: fraction.default(0.98),
  epsilon: z.number().positive().default(1e-8),
  /** Global gradient norm is cut to this; 0 turns it off. */
  gradientClip: z.number().nonnegative().default(1),
  validEvery: positive.default(100),
  /** Rows of the validation set that are scored each time. */
  validRows: positive.default(256),
  saveEvery: positive.default(100),
  keepCheckpoints: positive.default(2),
  /** Stop after this many validations without a new best; 0 never stops early. */
  patience: count.default(0),
  /**
   * What the backward pass computes again instead of keeping it: nothing, of each layer what is cheap, or each layer
   * whole. Less memory, more time.
   */
  recompute: z
    .union([z.boolean(), z.literal("selective")], "expected true, false or selective")
    .default(false),
  /** Where losses and gradients are computed: the CPU, or a graphics card through WebGPU. */
  device: z.enum(["cpu", "webgpu"]).default("cpu"),
  /** Stop when the loss is over `factor` times the median of the last `window` for `steps` steps; factor 0 never does. */
  watchdog: z
    .strictObject({
      factor: z.number().nonnegative().default(4),
      steps: positive.default(10),
      window: positive.default(50),
    })
    .prefault({}),
});
export type TrainingConfig = z.infer<typeof TrainingConfig>;

const LoraConfig = z.strictObject({
  rank: positive.default(16),
  alpha: z.number().positive().default(32),
  /**
   * `all-linear` is every linear layer but the output layer; a list holds names such as `q_proj`; any
   * other text is a regular expression that must match a module's whole name.
   */
  targets: z.union([z.string().min(1), z.array(z.string()).nonempty()]).default("all-linear"),
  /** Another rank or alpha for the modules that a key matches: the end of their name, as a regular expression. */
  rankPattern: z.record(z.string(), positive).default({}),
  alphaPattern: z.record(z.string(), z.number().positive()).default({}),
  /** Share of the adapter's input that is zeroed in training. */
  dropout: z.number().nonnegative().lt(1).default(0),
  /** Scale by alpha / √rank instead of alpha / rank. */
  rslora: z.boolean().default(false),
  /** Train the length of each row of the weight apart from its direction. */
  dora: z.boolean().default(false),
  /** LoRA+: the learning rate of B is this many times that of A. */
  plusRatio: z.number().positive().default(1),
});
export type LoraConfig = z.infer<typeof LoraConfig>;

/** The adapter's training on plain text before it is shown a conversation. */
const DaptConfig = TrainingConfig.extend({
  /** Longer texts are cut. */
  sequenceLength: positive.min(2).default(384),
  /** What TRL advises for adapters; a model of a few million parameters wants ten times it. */
  learningRate: z.number().positive().default(1e-4),
  /** Which of the curated texts; of a book its passages are. */
  kinds: z
    .array(DocumentKind.exclude(["book", "question"]))
    .nonempty()
    .default(["passage", "aphorism", "weather-answer"]),
  /** Share of training tokens by whose text it is; left out, as much of each as there is. */
  mixture: z
    .partialRecord(Persona, z.number().nonnegative())
    .refine((shares) => Object.values(shares).some((share) => share > 0), "no share above 0")
    .optional(),
});
export type DaptConfig = z.infer<typeof DaptConfig>;

/** DPO after supervised training. */
const PreferenceConfig = TrainingConfig.extend({
  /** Packed rows in one forward pass; both sides of a pair are in the same one. */
  microBatch: positive.min(2).default(8),
  /** How much a reward of one log-probability counts: small values let the adapter go further from where it starts. */
  beta: z.number().positive().default(0.1),
  /** Share of the rows, by split key, that are kept back to choose the best weights. */
  validShare: fraction.default(0.1),
});
export type PreferenceConfig = z.infer<typeof PreferenceConfig>;

const ScratchBase = z.strictObject({
  kind: z.literal("scratch"),
  vocabSize: positive.default(3072),
  hidden: positive.default(192),
  intermediate: positive.default(512),
  layers: positive.default(6),
  heads: positive.default(6),
  kvHeads: positive.default(2),
  context: positive.default(512),
  /** Longest wavelength of the rotary positions (Hugging Face's name). */
  ropeTheta: z.number().positive().default(100_000),
  /** Start with heads that almost copy; off, copying has to emerge by itself, which takes millions of tokens. */
  copyHeads: z.boolean().default(true),
  /** Share of training tokens: echoes teach copying, drills reading, text English. */
  mixture: z
    .record(z.string(), z.number().nonnegative())
    .default({ echo: 0.4, drill: 0.5, text: 0.1 }),
  training: TrainingConfig,
});
const FolderBase = z.strictObject({
  kind: z.literal("folder"),
  /** A Hugging Face model folder: config.json, *.safetensors, tokenizer.json, tokenizer_config.json. */
  path: z.string().min(1),
  /** What the adapter's own files call its base, such as the model's name on a hub; the path where absent. */
  name: z.string().min(1).optional(),
});
const HubBase = z.strictObject({
  kind: z.literal("hub"),
  /** `organisation/model`. */
  name: z.string().regex(/^[\w][\w.-]*\/[\w][\w.-]*$/, "organisation/model"),
  /** A branch, tag or commit; only a commit names the same files for ever. */
  revision: z
    .string()
    .regex(/^[\w][\w.-]*$/, "a branch, tag or commit")
    .default("main"),
});
export const BaseConfig = z.discriminatedUnion("kind", [ScratchBase, FolderBase, HubBase]);
export type BaseConfig = z.infer<typeof BaseConfig>;
export type ScratchBaseConfig = z.infer<typeof ScratchBase>;

/** How the frozen base of an adapter is kept while it is trained. */
export const QUANTIZATIONS = ["none", "nf4", "int4", "int8", "bf16", "f16"] as const;

export const Recipe = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "lower-case letters, digits, dot, dash and underscore"),
  description: z.string().default(""),
  seed: count.default(1),
  data: z.strictObject({
    /** A folder with `gutenberg/` in the mirrors' layout and `reddit/`; sources look here first. */
    root: z.string().optional(),
    /** Whether sources, and a base from a hub, may be downloaded. Off unless asked. */
    network: z.boolean().default(false),
    /** Who runs this: part of the User-Agent of every download, so that a host can write instead of block. */
    contact: z
      .string()
      .regex(
        /^(?:[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?:\/\/[!-~]+)$/,
        "an e-mail address or a web address",
      )
      .max(200)
      .optional(),
    /** `host` or `host:port` of your own that downloads may reach on a private address. */
    privateHosts: z.array(z.string().min(1)).default([]),
    sources: z.array(SourceConfig).nonempty(),
  }),
  curate: CurateConfig.prefault({}),
  base: BaseConfig,
  /** Train the adapter on plain text of the curated corpus before `train`; left out, there is no such stage. */
  dapt: DaptConfig.optional(),
  train: TrainingConfig.extend({
    lora: LoraConfig.prefault({}),
    /** How the frozen base is kept in memory (QLoRA); evaluation then uses the same rounded weights. */
    quantization: z.enum(QUANTIZATIONS).default("none"),
    /** NEFTune: strength of the noise on the embeddings while training; 0 adds none. */
    neftuneAlpha: z.number().nonnegative().default(0),
    /** Share of training tokens by domain; domains that are absent get nothing. */
    mixture: z.record(z.string(), z.number().nonnegative()).default({
      literary: 0.25,
      humour: 0.15,
      tool: 0.45,
      "no-tool": 0.08,
      "missing-location": 0.04,
      "tool-error": 0.03,
    }),
  }),
  /** Train the adapter on `dataset/preference.jsonl` after `train`; left out, there is no such stage. */
  preference: PreferenceConfig.optional(),
  /** Who else is told the numbers of training. Decides nothing, so a change trains nothing anew. */
  tracking: z
    .strictObject({
      /** An MLflow server; credentials come from MLflow's own environment variables. */
      mlflow: z
        .strictObject({
          uri: z
            .url({ protocol: /^https?$/, error: "an http or https address" })
            .refine(
              (uri) => !/^https?:\/\/[^/]*@/.test(uri),
              "credentials belong in the environment",
            ),
          experiment: z.string().min(1).max(250).default("twainbot"),
        })
        .optional(),
    })
    .prefault({}),
  evaluate: z
    .strictObject({
      tasks: z.array(z.string()).nonempty().default(["loss", "tools", "no-tool", "style"]),
      /** Cases of each slice; at most `curate.episodes.cases`. */
      samples: positive.default(200),
      maxTokens: positive.default(96),
      /** Chats in flight at once: the local engine decodes them as one batch. */
      concurrency: positive.default(32),
      bootstrap: positive.default(2000),
    })
    .prefault({}),
});
export type Recipe = z.infer<typeof Recipe>;
export type RecipeInput = z.input<typeof Recipe>;

/** For recipe files: the type checks as you write, the schema checks when it is loaded. */
export const defineRecipe = <R extends RecipeInput>(recipe: R): R => recipe;

/** Parses a recipe; throws `recipe/invalid` naming each path and, for a typo, the nearest known key. */
export function parseRecipe(input: unknown, from: string): Recipe {
  const parsed = Recipe.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new TwainError("recipe/invalid", `${from}: ${explainIssues(parsed.error, Recipe)}`, {
    hint: "docs/recipes.md lists every key.",
  });
}

/** `train.learningRate=1e-4` → `["train", "learningRate"]`, `0.0001`. Values are JSON where they parse, text otherwise. */
function parseOverride(text: string): { path: string[]; value: unknown } {
  const at = text.indexOf("=");
  if (at <= 0) {
    throw new TwainError("recipe/bad-override", `"${text}" is not an override`, {
      hint: "Write it as path=value, for instance train.learningRate=1e-4.",
    });
  }
  const raw = text.slice(at + 1);
  let value: unknown = raw;
  try {
    value = JSON.parse(raw);
  } catch {
    // Not JSON: a plain string such as a path.
  }
  return { path: text.slice(0, at).split("."), value };
}

/** A copy of `input` with `path=value` overrides applied; the schema then judges the result. */
export function applyOverrides(input: unknown, overrides: readonly string[]): unknown {
  const copy = structuredClone(input) as Record<string, unknown>;
  for (const override of overrides) {
    const { path, value } = parseOverride(override);
    let node = copy;
    for (const key of path.slice(0, -1)) {
      const next = node[key];
      if (next === undefined) node[key] = {};
      else if (typeof next !== "object" || next === null) {
        throw new TwainError(
          "recipe/bad-override",
          `${override}: ${key} is not a group of settings`,
        );
      }
      node = node[key] as Record<string, unknown>;
    }
    const last = path.at(-1)!;
    if (["__proto__", "constructor", "prototype"].some((name) => path.includes(name))) {
      throw new TwainError("recipe/bad-override", `${override}: not a recipe key`);
    }
    node[last] = value;
  }
  return copy;
}
