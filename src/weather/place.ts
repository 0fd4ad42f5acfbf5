/** A `Place`, the shipped list of places, and finding one by what a person would type. */
import { join } from "node:path";
import { z } from "zod";
import { readJsonl } from "../core/jsonl.ts";
import { packageRoot } from "../core/package-root.ts";

export const Place = z.strictObject({
  name: z.string().min(1),
  /** State, province or the like; empty where none is usual (Singapore). */
  region: z.string().default(""),
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

/**
 * The first listed place that a text names: "Hannibal", "hannibal, mo", "Paris, France",
 * "Hannibal Missouri". A qualifier that fits no place finds nothing, never another town.
 */
export function findPlace(query: string, places: readonly Place[]): Place | undefined {
  const [name = "", ...qualifiers] = query.split(",").map((part) => part.trim());
  const wanted = plainName(name);
  if (wanted === "") return undefined;
  const given = qualifiers.filter((part) => part !== "");
  const exact = places.find(
    (place) => plainName(place.name) === wanted && inAreas(given, [place.region, place.country]),
  );
  if (exact || given.length > 0) return exact;
  // "Hannibal Missouri": no comma, so the tail may be the area.
  return places.find((place) => {
    const start = `${plainName(place.name)} `;
    return (
      wanted.startsWith(start) &&
      inAreas([wanted.slice(start.length)], [place.region, place.country])
    );
  });
}
