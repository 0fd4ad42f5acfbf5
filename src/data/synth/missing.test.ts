import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { episodeSplitKeys, phrasingsOf } from "./question-templates.ts";
import { lowered, pendingCall, sayMissing, withoutPlace } from "./missing.ts";
import { loadVoices } from "./voices.ts";

test.each([
  ["Will it rain tomorrow?", "get_weather", "tomorrow", "tomorrow"],
  ["rain or no rain, friday", "get_weather", "friday", "on Friday"],
  ["WEATHER FRIDAY STOP", "get_weather", "FRIDAY", "on Friday"],
  ["weather today", "get_weather", "today", "today"],
  ["How many degrees is it out there now?", "get_current_weather", "", ""],
  ["weather", "get_current_weather", "", ""],
])("%s", (text, tool, date, when) => {
  expect(pendingCall(text)).toMatchObject({ tool, date, when, days: "", count: 0 });
});

test("days, in words or digits", () => {
  for (const [days, count] of [
    ["three days", 3],
    ["2 days", 2],
  ] as const) {
    expect(pendingCall(`The next ${days}, please.`)).toEqual({
      tool: "get_forecast",
      date: "",
      when: "",
      days,
      count,
      wants: [],
    });
  }
});

test.each([
  "Would Saturday or Sunday be the better day for the fair?",
  "Any rain before Thursday?",
  "Any snow on the way this week?",
  "Need the seven-day. Go.",
  "Would you look up the next five days for me?",
  "What is the weather at my house?",
  "will it snow",
  "What is the outlook for 2026-07-14?",
  "whats the high on tues",
])("no one right call: %s", (text) => {
  expect(pendingCall(text)).toBeUndefined();
});

test.each([
  ["Will it rain in {place} {on_date}?", "Will it rain {on_date}?"],
  ["weather in {place} now", "weather now"],
  [
    "Umbrella: pack it for {place} {on_date}, or leave it home?",
    "Umbrella: pack it {on_date}, or leave it home?",
  ],
])("%s", (text, rest) => {
  expect(withoutPlace(text)).toBe(rest);
});

test.each([
  "{place} now",
  "Heading to {place} {on_date}, hats?",
  "Lay out the next {days}, I'm in {place}.",
  "In {place} or in {place}?",
  "Is {place} wet?",
])("cannot do without its place: %s", (text) => {
  expect(withoutPlace(text)).toBeUndefined();
});

test("what is said names the time that its call takes, and no slot is left", async () => {
  const random = createRandom(4);
  const now = new Date("2026-11-20T12:00:00Z");
  const { missing, waiting, dated } = phrasingsOf(await loadVoices(), "train");
  expect(missing.length).toBeGreaterThan(900);
  for (const template of waiting) {
    const plain = sayMissing(template, now, random);
    for (const { text, pending } of [plain, lowered(plain)]) {
      expect(text).not.toMatch(/[{}]| {2}/);
      const { tool, date, days, count } = pending!;
      expect(text).toContain(date);
      expect(text).toContain(days);
      expect(date !== "").toBe(tool === "get_weather");
      expect(count > 0).toBe(tool === "get_forecast");
    }
  }
  for (const template of dated)
    expect(sayMissing(template, now, random).pending!.date).not.toBe("");
});

test("without its place a question is on the side where it is with it", async () => {
  const voices = await loadVoices();
  const keys = episodeSplitKeys(voices, { valid: 0.1, test: 0.1 }, createRandom(1));
  const sideOf = (id: string): string => keys.get(id)!.split(":")[0]!;
  const unplaced = phrasingsOf(voices, "train").missing.filter(({ tool }) => tool);
  for (const { id } of unplaced) expect(sideOf(id)).toBe(sideOf(id.slice("unplaced:".length)));
  expect(new Set(unplaced.map(({ id }) => sideOf(id)))).toEqual(
    new Set(["train", "valid", "test"]),
  );
});
