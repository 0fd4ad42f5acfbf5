/** How long a sequence may be for what we compute to be what the checkpoint was made for. */
import { TwainError } from "../core/errors.ts";
import { architectureOf } from "./architecture.ts";
import type { ModelConfig } from "./config.ts";
import { ropeLimit, ropeScaling } from "./rope-parameters.ts";

/** The sliding window, which we do not compute: up to its length it is plain causal attention. */
const windowOf = (config: ModelConfig): number =>
  architectureOf(config).window?.(config) ?? Number.POSITIVE_INFINITY;

/** The most tokens that a sequence may be generated to. */
export const contextLimit = (config: ModelConfig): number =>
  Math.min(config.max_position_embeddings, windowOf(config), ropeLimit(config));

/**
 * Throws `model/unsupported` for sequences beyond a sliding window, or beyond where the rotation would change; `setting`
 * is where their length comes from, `place` names the base.
 */
export function refuseLonger(
  config: ModelConfig,
  tokens: number,
  setting = "train.sequenceLength",
  place = config.model_type,
): void {
  const [window, rope] = [windowOf(config), ropeLimit(config)];
  if (tokens <= Math.min(window, rope)) return;
  const why =
    window <= rope
      ? `only the ${window} tokens before each are attended to (sliding_window)`
      : `the rotation (${ropeScaling(config).type}) is another beyond ${rope} tokens`;
  throw new TwainError(
    "model/unsupported",
    `${place}: sequences of ${tokens} tokens are not supported: ${why}`,
    { hint: `Set ${setting} to ${Math.min(window, rope)} or less.` },
  );
}
