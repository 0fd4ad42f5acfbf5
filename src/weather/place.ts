/** A `Place`, the shipped list of places, and finding one by what a person would type. */
import { join } from "node:path";
import { z } from "zod";
import { readJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";

export const Place = z.strictObject({
  name: z.string().min(1),
  /** State, province or the like; null on disk and empty here where none is usual (Singapore). */
  region: z
    .string()
    .nullish()
    .transform((region) => region ?? ""),
  country: z.string().min(1),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
  /** IANA name, such as `America/Chicago`. */
  timezone: z.string().min(1),
});
export type Place = z.infer<typeof Place>;

/** The places that ship with the package. Throws `core/bad-jsonl` naming the line. */
export async function loadPlaces(): Promise<Place[]> {
  const places: Place[] = [];
  const path = join(packageRoot(), "corpus", "places.jsonl");
  for await (const place of readJsonl(path, Place)) places.push(place);
  return places;
}

/** "City, Region, Country", leaving out what is empty or only repeats. */
export function placeLabel(place: Pick<Place, "name" | "region" | "country">): string {
  return [place.name, place.region, place.country]
    .filter((part, i, parts) => part !== "" && parts.indexOf(part) === i)
    .join(", ");
}

const STATES =
  "AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware|DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming"
    .split("|")
    .map((entry) => [entry.slice(0, 2).toLowerCase(), entry.slice(3).toLowerCase()] as const);

/** How else people write a state or a country. */
const ALIASES = new Map<string, string>([
  ...STATES,
  ...["us", "usa", "u s", "u s a", "america", "united states of america"].map(
    (name) => [name, "united states"] as const,
  ),
  ...["uk", "u k", "great britain", "britain"].map((name) => [name, "united kingdom"] as const),
  ["holland", "netherlands"],
  ["uae", "united arab emirates"],
  ["czechia", "czech republic"],
]);

/** Lower case, no diacritics, no punctuation, single spaces, `st` written out. */
export const plainName = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim()
    .replace(/^st /, "saint ");

const sameArea = (wanted: string, area: string): boolean =>
  wanted === area || ALIASES.get(wanted) === area || ALIASES.get(area) === wanted;

/** Whether every qualifier ("Missouri", "MO", "USA") names one of the areas that hold the place. */
export function inAreas(qualifiers: readonly string[], areas: readonly string[]): boolean {
  const known = areas.map(plainName);
  return qualifiers.every((qualifier) =>
    known.some((area) => sameArea(plainName(qualifier), area)),
  );
}

/** Finds places by what people type; built once over a list. */
export type PlaceFinder = (query: string) => Place | undefined;

/**
 * A finder of the first listed place that a text names: "Hannibal", "hannibal, mo", "Paris, France",
 * "Hannibal Missouri". A qualifier that fits no place finds nothing, never another town.
 */
export function createPlaceFinder(places: readonly Place[]): PlaceFinder {
  const byName = new Map<string, Place[]>();
  for (const place of places) {
    const name = plainName(place.name);
    const known = byName.get(name);
    if (known) known.push(place);
    else byName.set(name, [place]);
  }
  const named = (name: string, areas: readonly string[]): Place | undefined =>
    byName.get(name)?.find((place) => inAreas(areas, [place.region, place.country]));

  return (query) => {
    const [name = "", ...rest] = query.split(",").map((part) => part.trim());
    const areas = rest.filter((part) => part !== "");
    const wanted = plainName(name);
    const found = named(wanted, areas);
    if (found || areas.length > 0) return found;
    // "Hannibal Missouri": no comma, so the tail may be the area.
    const words = wanted.split(" ");
    for (let cut = words.length - 1; cut > 0; cut--) {
      const place = named(words.slice(0, cut).join(" "), [words.slice(cut).join(" ")]);
      if (place) return place;
    }
    return undefined;
  };
}

/** One look-up; see `createPlaceFinder`. */
export const findPlace = (query: string, places: readonly Place[]): Place | undefined =>
  createPlaceFinder(places)(query);

/** "Missouri" → "MO"; undefined for what is no state of the United States. */
export const stateAbbreviation = (region: string): string | undefined =>
  STATES.find(([, name]) => name === region.toLowerCase())?.[0].toUpperCase();
