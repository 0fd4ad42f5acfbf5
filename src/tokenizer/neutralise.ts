/**
 * Text from outside must not become control tokens: `<|end|>` typed by a user is text. A space after
 * its first character keeps it readable and breaks the match, at training and at serving alike.
 */
import type { JsonValue } from "../core/json.ts";

/** A function that breaks every occurrence of the given tokens in a text. */
export function createNeutraliser(tokens: readonly string[]): (text: string) => string {
  // Tokens such as "\n\n" or "  " (Gemma, Phi) are text, and harmless.
  const marks = tokens.filter((token) => /^[<[].*[>\]]$/su.test(token));
  return (text) => {
    let result = text;
    // Again and again: what is left after breaking one token may contain another.
    for (let before = ""; before !== result;) {
      before = result;
      for (const mark of marks) {
        if (result.includes(mark)) result = result.replaceAll(mark, `${mark[0]} ${mark.slice(1)}`);
      }
    }
    return result;
  };
}

/** Applies a text function to every string and key of a JSON value. */
export function mapStrings<T extends JsonValue>(value: T, apply: (text: string) => string): T;
export function mapStrings(value: JsonValue, apply: (text: string) => string): JsonValue {
  if (typeof value === "string") return apply(value);
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, apply));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [apply(key), mapStrings(item, apply)]),
    );
  }
  return value;
}
