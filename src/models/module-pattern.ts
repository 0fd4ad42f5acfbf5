/** Regular expressions over module names, as PEFT reads them. */
import { TwainError } from "../core/errors.ts";

/** Backtracking over a name of n letters costs about n to the number of repeats: these keep it small. */
const MOST_CHARACTERS = 300;
const MOST_REPEATS = 4;
const MOST_OPTIONALS = 12;

/** Throws `model/bad-pattern` for one that is not valid, or whose search could take for ever (adapters come from anywhere). */
function compile(pattern: string, source: string): RegExp {
  const plain = pattern
    .replaceAll(/\\./g, "x")
    .replaceAll(/\[[^\]]*\]/g, "x")
    .replaceAll(/\(\?[:=!]/g, "(");
  const count = (what: RegExp): number => plain.match(what)?.length ?? 0;
  const costly =
    pattern.length > MOST_CHARACTERS ||
    count(/\)[*+{]/g) > 0 ||
    count(/[*+{]/g) > MOST_REPEATS ||
    count(/\?/g) > MOST_OPTIONALS;
  if (costly)
    throw new TwainError(
      "model/bad-pattern",
      `the pattern ${JSON.stringify(pattern.slice(0, 80))} is too costly to match`,
      {
        hint: `A pattern has at most ${MOST_CHARACTERS} characters and ${MOST_REPEATS} repeats (* + {}), none of them of a group.`,
      },
    );
  try {
    return new RegExp(source);
  } catch (cause) {
    throw new TwainError(
      "model/bad-pattern",
      `${JSON.stringify(pattern)} is not a regular expression`,
      {
        hint: "Patterns are regular expressions over names such as model.layers.0.self_attn.q_proj: a dot is any character, `(` and `[` must be closed, a backslash takes their meaning away.",
        cause,
      },
    );
  }
}

/** True where `pattern` matches the whole of a module's name: PEFT's `target_modules` given as one string. */
export function wholeName(pattern: string): (module: string) => boolean {
  const found = compile(pattern, `^(?:${pattern})$`);
  return (module) => found.test(module);
}

/**
 * What the first key that matches says: `rank_pattern` and `alpha_pattern`. A key matches the whole name,
 * or what follows one of its dots.
 */
export function patternValue(
  patterns: Readonly<Record<string, number>>,
): (module: string) => number | undefined {
  const keys = Object.entries(patterns).map(([key, value]) => ({ found: endOfName(key), value }));
  return (module) => keys.find(({ found }) => found(module))?.value;
}

/** True where `key` matches a module's whole name, or what follows one of its dots. */
export function endOfName(key: string): (module: string) => boolean {
  const found = compile(key, `^(?:.*\\.)?(?:${key})$`);
  return (module) => found.test(module);
}
