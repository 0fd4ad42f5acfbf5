/** Places that training may name and places that only the evaluation names. */
import type { Random } from "../../core/random.ts";
import { type Place, plainName } from "../../weather/place.ts";

export interface PlaceSplit {
  train: Place[];
  heldout: Place[];
}

/** Divides by name, so that a held-out Springfield leaves no Springfield in train. */
export function splitPlaces(
  places: readonly Place[],
  heldoutShare: number,
  random: Random,
): PlaceSplit {
  // Training also says "Buffalo, New York", so a name that is some area's name too cannot be held out.
  const areas = new Set(places.flatMap((place) => [place.region, place.country].map(plainName)));
  const names = [...new Set(places.map((place) => plainName(place.name)))];
  const candidates = names.filter((name) => ![...areas].some((area) => inside(name, area)));
  const count = Math.min(candidates.length, Math.round(names.length * heldoutShare));
  const heldout = new Set(random.shuffle(candidates).slice(0, count));
  // A held-out "York" would still be seen in "New York", so such places go to neither side.
  const words = new Set([...heldout].flatMap((name) => [name, ...name.split(" ")]));
  const split: PlaceSplit = { train: [], heldout: [] };
  for (const place of places) {
    const name = plainName(place.name);
    if (heldout.has(name)) split.heldout.push(place);
    else if (!holdsName(name, heldout, words)) split.train.push(place);
  }
  return split;
}

const inside = (name: string, text: string): boolean => ` ${text} `.includes(` ${name} `);

/** Whether some held-out name is a part of this one; `words` is only a quick way to say no. */
function holdsName(
  name: string,
  heldout: ReadonlySet<string>,
  words: ReadonlySet<string>,
): boolean {
  const parts = name.split(" ");
  if (!parts.some((part) => words.has(part))) return false;
  return [...heldout].some((held) => inside(held, name));
}
