/** What synthesis draws from, the same for everyone who asks with one recipe: wordings, places, sides of the split. */
import type { Recipe } from "../../core/recipe.ts";
import { createRandom } from "../../core/random.ts";
import { type Place, loadPlaces } from "../../weather/place.ts";
import { fewAnswers } from "./few-answers.ts";
import { CATEGORIES, categoryTemplates } from "./categories/index.ts";
import { episodeSplitKeys, splitKeys as keysOf } from "./question-templates.ts";
import { type PlaceSplit, splitPlaces } from "./split-places.ts";
import { type Voices, loadVoices } from "./voices.ts";

export interface SynthSources {
  voices: Voices;
  /** All places that the offline provider knows. */
  world: readonly Place[];
  split: PlaceSplit;
  /** `<side>:<template>` by template. */
  splitKeys: ReadonlyMap<string, string>;
}

export async function openSynthSources(
  config: Recipe["curate"],
  seed: number,
): Promise<SynthSources> {
  const random = createRandom(seed).fork("synthesize");
  const voices = fewAnswers(await loadVoices(), config.episodes.answers, random.fork("answers"));
  const world = await loadPlaces();
  const splitKeys = episodeSplitKeys(voices, config.split, random.fork("split keys"));
  for (const category of Object.values(CATEGORIES)) {
    const own = random.fork(`split keys of ${category.name}`);
    for (const [id, key] of keysOf(categoryTemplates(category, "train"), config.split, own))
      splitKeys.set(id, key);
  }
  return {
    voices,
    world,
    split: splitPlaces(world, config.episodes.heldoutPlaces, random.fork("places")),
    splitKeys,
  };
}
