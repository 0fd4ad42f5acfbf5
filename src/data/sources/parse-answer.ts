/** JSON that a service answered, as the schema has it. */
import type { z } from "zod";
import { TwainError } from "../../core/errors.ts";

/** Throws `collect/bad-answer`, naming the address and where in the answer the surprise is. */
export function parseAnswer<S extends z.ZodType>(
  bytes: Uint8Array,
  schema: S,
  at: string,
): z.output<S> {
  let value: unknown;
  let problem = "it is not JSON";
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    problem = `${issue?.path.join(".") || "its top"}: ${issue?.message}`;
  } catch {
    // Said below.
  }
  throw new TwainError(
    "collect/bad-answer",
    `${at} answered ${bytes.length} bytes that are not understood: ${problem}`,
    {
      hint: "Is it the address of such a service? It may also have changed; then leave the source out of data.sources.",
    },
  );
}
