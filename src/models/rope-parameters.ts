/**
 * How a checkpoint turns its heads: the angle of each pair of dimensions per token, from `rope_theta` and
 * either `rope_parameters` (Transformers 5) or `rope_scaling` (before it).
 */
import { z } from "zod";
import { TwainError } from "../core/errors.ts";
import { type ModelConfig, headDim } from "./config.ts";

const factor = z.number().positive();
const length = z.number().int().min(2);

const RopeScaling = z.discriminatedUnion("type", [
  z.object({ type: z.literal("default") }),
  z.object({ type: z.literal("linear"), factor }),
  z.object({ type: z.literal("dynamic") }),
  z.object({
    type: z.literal("llama3"),
    factor,
    low_freq_factor: factor,
    high_freq_factor: factor,
    original_max_position_embeddings: length,
  }),
  z.object({
    type: z.literal("longrope"),
    short_factor: z.array(factor).max(2048),
    factor: factor.nullish(),
    attention_factor: factor.nullish(),
    original_max_position_embeddings: length,
  }),
]);
export type RopeScaling = z.infer<typeof RopeScaling>;
const types = RopeScaling.options.map(({ shape }) => shape.type.value);

/** The scaling of a config; throws `model/unsupported` for a type that we do not compute, `model/bad-config`. */
export function ropeScaling(config: ModelConfig): RopeScaling {
  const written: Record<string, unknown> = config.rope_parameters ?? config.rope_scaling ?? {};
  const named = written["rope_type"] ?? written["type"] ?? "default";
  // Phi-3's first files call it "su".
  const type = named === "su" ? "longrope" : named;
  const partial = config.partial_rotary_factor ?? written["partial_rotary_factor"] ?? 1;
  if (partial !== 1)
    throw new TwainError(
      "model/unsupported",
      `partial_rotary_factor ${JSON.stringify(partial)} is not supported: whole heads are rotated`,
    );
  if (!types.some((known) => known === type))
    throw new TwainError(
      "model/unsupported",
      `rope type ${JSON.stringify(type)} is not supported`,
      {
        hint: `Supported: ${types.join(", ")}.`,
      },
    );
  const original =
    config.original_max_position_embeddings ??
    written["original_max_position_embeddings"] ??
    config.max_position_embeddings;
  const parsed = RopeScaling.safeParse({
    ...written,
    type,
    original_max_position_embeddings: original,
  });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new TwainError(
    "model/bad-config",
    `rope scaling: ${issue?.path.join(".")}: ${issue?.message}`,
  );
}

/** The longest sequence for which `rotations` holds; a longer one would be turned in another way from its first token. */
export function ropeLimit(config: ModelConfig): number {
  const scaling = ropeScaling(config);
  if (scaling.type === "dynamic") return config.max_position_embeddings;
  if (scaling.type === "longrope") return scaling.original_max_position_embeddings;
  return Number.POSITIVE_INFINITY;
}

/**
 * Radians per token of each pair of dimensions, `[headDim / 2]`, and the factor on cosine and sine. The pair i
 * starts from theta^(-2i/headDim) (Su et al. 2021, arXiv 2104.09864). `llama3` divides slow pairs by `factor`
 * and fades between (Llama 3.1's model card code); `longrope` divides each pair by its own factor
 * (Ding et al. 2024, arXiv 2402.13753) and scales by √(1 + ln s / ln original).
 */
export function rotations(config: ModelConfig): { frequencies: number[]; scale: number } {
  const size = headDim(config);
  const scaling = ropeScaling(config);
  const plain = Array.from(
    { length: size / 2 },
    (_, pair) => config.rope_theta ** ((-2 * pair) / size),
  );
  switch (scaling.type) {
    case "default":
    case "dynamic":
      return { frequencies: plain, scale: 1 };
    case "linear":
      return { frequencies: plain.map((frequency) => frequency / scaling.factor), scale: 1 };
    case "llama3": {
      const { low_freq_factor: low, high_freq_factor: high } = scaling;
      const frequencies = plain.map((frequency) => {
        /** Full turns within the context of the pretraining. */
        const turns = (scaling.original_max_position_embeddings * frequency) / (2 * Math.PI);
        if (turns > high) return frequency;
        if (turns < low) return frequency / scaling.factor;
        const kept = (turns - low) / (high - low);
        return (1 - kept) * (frequency / scaling.factor) + kept * frequency;
      });
      return { frequencies, scale: 1 };
    }
    case "longrope": {
      const { short_factor: factors, original_max_position_embeddings: original } = scaling;
      if (factors.length !== plain.length)
        throw new TwainError(
          "model/bad-config",
          `rope scaling: short_factor has ${factors.length} numbers, ${plain.length} pairs are rotated`,
        );
      const stretch = scaling.factor ?? config.max_position_embeddings / original;
      return {
        frequencies: plain.map((frequency, pair) => frequency / factors[pair]!),
        scale:
          scaling.attention_factor ??
          (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original))),
      };
    }
  }
}
