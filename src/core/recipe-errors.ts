/** Turns zod issues into one readable line each, with the nearest known key for a typo. */
import { z } from "zod";

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[b.length]!;
}

/** The closest of `known` within a third of the word's length (at least 2 edits), if any. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, d: distance(word.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.d - b.d);
  const best = ranked[0];
  return best && best.d <= Math.max(2, Math.floor(word.length / 3)) ? best.name : undefined;
}

/** Unwraps defaults and optionals, and follows a path into objects; undefined where it cannot. */
function schemaAt(
  schema: z.core.$ZodType,
  path: readonly PropertyKey[],
): z.core.$ZodType | undefined {
  let current: z.core.$ZodType = schema;
  for (;;) {
    const def = current._zod.def as { innerType?: z.core.$ZodType };
    if (!def.innerType) break;
    current = def.innerType;
  }
  const [key, ...rest] = path;
  if (key === undefined) return current;
  if (current instanceof z.ZodObject) {
    const member = (current.shape as Record<PropertyKey, z.core.$ZodType | undefined>)[key];
    return member && schemaAt(member, rest);
  }
  if (current instanceof z.ZodArray) return schemaAt(current.element, rest);
  if (current instanceof z.ZodDiscriminatedUnion) {
    for (const option of current.options) {
      const found = schemaAt(option, path);
      if (found) return found;
    }
  }
  return undefined;
}

function knownKeys(schema: z.core.$ZodType | undefined): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  if (schema instanceof z.ZodDiscriminatedUnion)
    return schema.options.flatMap((option) => knownKeys(option));
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum)
    return schema.keyType.options.map(String);
  return [];
}

/** `a.b[2].c` */
const showPath = (path: readonly PropertyKey[]): string =>
  path
    .map((key, i) =>
      typeof key === "number" ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`,
    )
    .join("");

/** All issues of a failed parse as text: `train.lora.rnak: unknown key (did you mean rank?)`. */
export function explainIssues(
  error: z.ZodError,
  schema: z.core.$ZodType,
  prefix: readonly PropertyKey[] = [],
): string {
  const lines = error.issues.flatMap((issue) => {
    if (issue.code !== "unrecognized_keys")
      return [`${showPath([...prefix, ...issue.path]) || "the value"}: ${issue.message}`];
    const known = knownKeys(schemaAt(schema, issue.path));
    return issue.keys.map((key) => {
      const guess = nearest(key, known);
      return `${showPath([...prefix, ...issue.path, key])}: unknown key${guess ? ` (did you mean ${guess}?)` : ` (known: ${known.join(", ")})`}`;
    });
  });
  return lines.join("; ");
}
