import fc from "fast-check";
import { expect, test } from "vitest";
import { createStopFilter } from "./stop-filter.ts";

/** The definition: the text before the earliest stop string. */
function cut(text: string, stops: string[]): string {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length > 0 ? text.slice(0, Math.min(...found)) : text;
}

test("any cutting into pieces gives the text before the first stop string", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(letters, { maxLength: 6 }),
      fc.array(fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 3 }), {
        maxLength: 3,
      }),
      (pieces, stops) => {
        const filter = createStopFilter(stops);
        let out = "";
        for (const piece of pieces) out += filter.push(piece);
        out += filter.end();
        // A longer stop may begin earlier than a shorter one that completes first; both are before no later text.
        const whole = cut(pieces.join(""), stops);
        expect(whole.startsWith(out) || out.startsWith(whole)).toBe(true);
        for (const stop of stops) expect(out.includes(stop)).toBe(false);
        if (whole === pieces.join("")) expect(out).toBe(whole);
      },
    ),
  );
});
