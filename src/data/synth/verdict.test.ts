import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { hasVerdict, sayVerdict, verdictHolds } from "./verdict.ts";

const CITIES = ["Bologna", "Florence", "St. Ives", "Cooperstown"];

test("places that share the first rank are all named", () => {
  const places = [14, 15, 15].map((high, i) => ({ city: CITIES[i]!, high }));
  expect(sayVerdict("warmer", places)).toBe("Florence and St. Ives come out the warmest together.");
  expect(sayVerdict("colder", places)).toBe("Bologna comes out the coldest.");
  expect(verdictHolds("None comes out warmer. Bologna gets fog.", places)).toBe(false);
  expect(verdictHolds("Florence comes out the warmest. Bologna gets fog.", places)).toBe(false);
});

test("a verdict holds for its own highs, and names just the places that have the extreme one", () => {
  const random = createRandom(3);
  for (let i = 0; i < 2000; i++) {
    const count = random.integer(2, 4);
    const places = CITIES.slice(0, count).map((city) => ({ city, high: random.integer(-2, 2) }));
    for (const asked of ["warmer", "colder"] as const) {
      const said = sayVerdict(asked, places);
      const highs = places.map(({ high }) => high);
      const best = asked === "warmer" ? Math.max(...highs) : Math.min(...highs);
      const alike = highs.every((high) => high === best);
      for (const { city, high } of places)
        expect(said.includes(city), `${said} ${JSON.stringify(places)}`).toBe(
          !alike && high === best,
        );
      expect(hasVerdict(said)).toBe(true);
      expect(verdictHolds(`${said} More of it.`, places)).toBe(true);
      const other = places.map(({ city, high }) => ({ city, high: -high }));
      if (!alike) expect(verdictHolds(said, other)).toBe(false);
    }
  }
});
