/** Every remark may follow a report of its sky: it claims nothing that the report does not. */
import { expect, test } from "vitest";
import { CONDITION_PHRASES } from "../../weather/conditions.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { fill } from "./fill.ts";
import { QUIPS, SKIES, skyOf } from "./weather-quips.ts";

test.each(SKIES)("of %s", (sky) => {
  const skies = CONDITION_PHRASES.filter((phrase) => skyOf(phrase) === sky);
  expect(skies.length).toBeGreaterThan(0);
  const quips = Object.values(QUIPS[sky]).flat();
  expect(new Set(quips).size).toBe(quips.length);
  const wrong = quips.flatMap((quip) =>
    skies.flatMap((conditions) => {
      const report = {
        location: "Boston, Massachusetts, United States",
        conditions,
        temperature: 7,
      };
      const said = fill(quip, { city: "Boston" });
      const { unsupported } = checkGrounded(`Boston has ${conditions}. ${said}`, [report]);
      return unsupported.map((claim) => `${claim}: ${said} (${conditions})`);
    }),
  );
  expect(wrong).toEqual([]);
});
