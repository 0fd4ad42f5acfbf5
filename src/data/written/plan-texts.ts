/** What a recipe asks a model for, as tasks in a fixed order. */
import { TwainError } from "../../core/errors.ts";
import { createRandom } from "../../core/random.ts";
import type { Recipe } from "../../core/recipe.ts";
import { nearest } from "../../core/recipe-errors.ts";
import type { WrittenConfig } from "../../core/written-config.ts";
import { writtenKinds } from "./index.ts";
import { loadPrompt } from "./prompt.ts";
import type { WrittenKind, WrittenSources, WrittenTask } from "./written-kind.ts";

export interface PlannedText {
  kind: WrittenKind;
  task: WrittenTask;
}

/** Throws `recipe/invalid` for a kind that there is not. */
export function checkWrittenKinds(config: WrittenConfig): void {
  const known = writtenKinds.map(({ name }) => name);
  for (const name of Object.keys(config.kinds)) {
    if (known.includes(name)) continue;
    const guess = nearest(name, known);
    throw new TwainError(
      "recipe/invalid",
      `curate.written.kinds.${name}: unknown kind (${guess ? `did you mean ${guess}?` : `known: ${known.join(", ")}`})`,
      { hint: "docs/synthesis.md has the kinds." },
    );
  }
}

/** Throws `recipe/invalid` where a recipe wants written pairs and asks nobody for them. */
export function checkWrittenPairs({ preference, written }: Recipe["curate"]): void {
  if (!preference?.written) return;
  const kinds = writtenKinds.filter(({ offers }) => offers === "pairs").map(({ name }) => name);
  if (kinds.some((name) => written?.kinds[name])) return;
  throw new TwainError(
    "recipe/invalid",
    `curate.preference.written wants ${preference.written} pairs, and curate.written asks for none`,
    { hint: `Set curate.written.kinds.${kinds[0]}; docs/synthesis.md has the kinds.` },
  );
}

/** How many texts of each kind the plan holds: all that were asked for, or fewer of each where the cap is lower. */
export function cappedCounts(
  config: WrittenConfig,
  people: number,
): { counts: Map<string, number>; asked: number; cap: number } {
  const rows = writtenKinds.filter(({ offers }) => offers !== "pairs").map(({ name }) => name);
  const asked = rows.reduce((sum, name) => sum + (config.kinds[name] ?? 0), 0);
  const cap = config.cap === "off" ? Infinity : Math.floor(config.cap * people);
  const share = Math.min(1, cap / Math.max(1, asked));
  const counts = new Map(
    Object.entries(config.kinds).map(([name, count]) => [
      name,
      rows.includes(name) ? Math.floor(count * share) : count,
    ]),
  );
  return { counts, asked, cap };
}

/** Tasks of all kinds in the order of their index, and the versions of the prompts that they use. */
export async function planTexts(
  config: WrittenConfig,
  counts: ReadonlyMap<string, number>,
  sources: WrittenSources,
  seed: number,
): Promise<{ planned: PlannedText[]; prompts: string[] }> {
  const planned: PlannedText[] = [];
  const versions: string[] = [];
  const random = createRandom(seed).fork("written");
  for (const kind of writtenKinds) {
    const count = counts.get(kind.name) ?? 0;
    if (count === 0) continue;
    const prompts = Object.fromEntries(
      await Promise.all(kind.prompts.map(async (name) => [name, await loadPrompt(name)] as const)),
    );
    versions.push(...Object.values(prompts).map(({ version }) => version));
    for (const task of kind.plan(sources, prompts, count, random.fork(kind.name)))
      planned.push({ kind, task });
  }
  return { planned, prompts: versions };
}
