/** Options of how tokens are chosen, for `chat` and `serve`. */
import type { ArgsDef } from "citty";
import { TwainError } from "../core/errors.ts";
import type { SamplingDefaults } from "../generate/local-chat.ts";

export const samplingArgs = {
  temperature: {
    type: "string",
    valueHint: "T",
    description: "Chance in the choice of words, 0 to 2; 0 always takes the likeliest (default 0)",
  },
  "top-p": {
    type: "string",
    valueHint: "P",
    description: "Only the likeliest tokens that have this probability together (default 1)",
  },
  "top-k": {
    type: "string",
    valueHint: "K",
    description: "Only the K likeliest tokens (default 0: all)",
  },
  "min-p": {
    type: "string",
    valueHint: "P",
    description: "Only tokens with this share of the likeliest one's probability (default 0: all)",
  },
  "repetition-penalty": {
    type: "string",
    valueHint: "R",
    description: "Above 1: tokens of prompt and answer become less likely (default 1)",
  },
} as const satisfies ArgsDef;

const RANGES = {
  temperature: { key: "temperature", low: 0, high: 2 },
  "top-p": { key: "topP", low: 0, high: 1 },
  "top-k": { key: "topK", low: -1, high: 1_000_000, whole: true },
  "min-p": { key: "minP", low: 0, high: 1 },
  "repetition-penalty": { key: "repetitionPenalty", low: 0.01, high: 10 },
} as const;

/** The number that option `name` was given as text. Throws `cli/usage`. */
export function numberIn(
  name: string,
  text: string,
  { low, high, whole = false }: { low: number; high: number; whole?: boolean },
): number {
  const number = text.trim() === "" ? NaN : Number(text);
  if (number >= low && number <= high && (!whole || Number.isInteger(number))) return number;
  throw new TwainError("cli/usage", `--${name} cannot be ${text}`, {
    hint: `It is a ${whole ? "whole " : ""}number from ${low} to ${high}.`,
  });
}

/** What was given of `samplingArgs`. Throws `cli/usage`. */
export function samplingOf(
  args: Readonly<Partial<Record<keyof typeof RANGES, string>>>,
): SamplingDefaults {
  const found: SamplingDefaults = {};
  for (const [name, range] of Object.entries(RANGES)) {
    const text = args[name as keyof typeof RANGES];
    if (text !== undefined) found[range.key] = numberIn(name, text, range);
  }
  return found;
}
