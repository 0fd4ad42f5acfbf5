import { expect, test } from "vitest";
import { type Place, findPlace, loadPlaces, placeLabel, stateAbbreviation } from "./place.ts";

const place = (name: string, region: string, country: string): Place => ({
  name,
  region,
  country,
  latitude: 0,
  longitude: 0,
  timezone: "UTC",
});
const places = [
  place("Hannibal", "Missouri", "United States"),
  place("Paris", "", "France"),
  place("Paris", "Texas", "United States"),
  place("São Paulo", "São Paulo", "Brazil"),
  place("Saint Louis", "Missouri", "United States"),
  place("London", "England", "United Kingdom"),
  place("Singapore", "", "Singapore"),
  place("New York", "New York", "United States"),
];
const found = (query: string): string | undefined => {
  const hit = findPlace(query, places);
  return hit && placeLabel(hit);
};

test.each([
  ["Hannibal", "Hannibal, Missouri, United States"],
  ["hannibal , mo", "Hannibal, Missouri, United States"],
  ["Hannibal, Missouri, USA", "Hannibal, Missouri, United States"],
  ["HANNIBAL MISSOURI", "Hannibal, Missouri, United States"],
  ["Paris", "Paris, France"],
  ["Paris, France", "Paris, France"],
  ["paris, tx", "Paris, Texas, United States"],
  ["Paris, US", "Paris, Texas, United States"],
  ["sao paulo", "São Paulo, Brazil"],
  ["St. Louis", "Saint Louis, Missouri, United States"],
  ["London, UK", "London, England, United Kingdom"],
  ["Singapore", "Singapore"],
  ["New York, NY", "New York, United States"],
])("%s is found", (query, label) => expect(found(query)).toBe(label));

test.each(["", "  ", ",", "Paris, Ohio", "Hannibal, France", "Han", "Hannibal Texas", "Atlantis"])(
  "%j finds nothing rather than another town",
  (query) => expect(found(query)).toBeUndefined(),
);

test("every shipped place is found by its label, in a real time zone", async () => {
  const shipped = await loadPlaces();
  expect(shipped.length).toBeGreaterThan(500);
  const zones = new Set(shipped.map((entry) => entry.timezone));
  for (const zone of zones) new Intl.DateTimeFormat("en", { timeZone: zone });
  for (const entry of shipped.filter((_, i) => i % 20 === 0)) {
    expect(findPlace(placeLabel(entry), shipped)?.name).toBe(entry.name);
  }
});

test("states have their postal letters", () => {
  expect(stateAbbreviation("Missouri")).toBe("MO");
  expect(stateAbbreviation("Bavaria")).toBeUndefined();
});
