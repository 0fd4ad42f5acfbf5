import fc from "fast-check";
import { expect, test } from "vitest";
import { WEEKDAYS, addDays, resolveDate, weekdayOf } from "./resolve-date.ts";
import { createZoneClock } from "./zone-clock.ts";

// A Friday.
const today = "2026-11-20";

test.each([
  ["today", "2026-11-20", 0],
  ["Tonight", "2026-11-20", 0],
  ["tomorrow ", "2026-11-21", 1],
  ["friday", "2026-11-20", 0],
  ["Thursday", "2026-11-26", 6],
  ["2026-12-05", "2026-12-05", 15],
])("%s", (text, date, ahead) => expect(resolveDate(text, today)).toEqual({ date, ahead }));

test.each(["2026-11-19", "2026-12-06", "2026-02-30", "soon", "", "next year"])(
  "%j is a bad date",
  (text) => expect(resolveDate(text, today)).toMatchObject({ error: "bad_date" }),
);

test("a weekday is that weekday, within the next seven days", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.constantFrom(...WEEKDAYS), (n, day) => {
      const from = addDays("2024-01-01", n);
      const resolved = resolveDate(day, from);
      if ("error" in resolved) throw new Error(resolved.message);
      expect(weekdayOf(resolved.date)).toBe(day);
      expect(resolved.date).toBe(addDays(from, resolved.ahead));
      expect(resolved.ahead).toBeLessThan(7);
    }),
  );
});

test("one instant is two dates on two sides of the world", () => {
  const clock = createZoneClock();
  const now = new Date("2026-11-20T23:30:00Z");
  expect(clock.date(now, "America/Chicago")).toBe("2026-11-20");
  expect(clock.date(now, "Asia/Tokyo")).toBe("2026-11-21");
  expect(clock.hour(now, "America/Chicago")).toBe(17);
  expect(clock.hour(new Date("2026-11-20T00:10:00Z"), "UTC")).toBe(0);
});
