/** What no tool can do, how it is declined, and what a liar would say instead. Ships in `corpus/`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { packageRoot } from "../../core/package-root.ts";

const texts = z.array(z.string().min(1)).nonempty();
const perPersona = z.strictObject({ twain: texts, franklin: texts, neutral: texts });

const Declines = z.strictObject({
  /** `{place}` is the only slot. */
  requests: z
    .array(z.strictObject({ user: z.string().min(1), invents: z.string().min(1) }))
    .nonempty(),
  replies: perPersona,
  /** To questions about a later day, where only the present weather can be looked up. */
  later: perPersona,
});
export type Declines = z.infer<typeof Declines>;

/** Throws `data/bad-corpus`. */
export async function loadDeclines(): Promise<Declines> {
  const path = join(packageRoot(), "corpus", "declines.json");
  const parsed = Declines.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (parsed.success) return parsed.data;
  throw new TwainError("data/bad-corpus", `${path}: ${z.prettifyError(parsed.error)}`);
}
