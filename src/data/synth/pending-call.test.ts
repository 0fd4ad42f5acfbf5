import { expect, test } from "vitest";
import { pendingCall } from "./pending-call.ts";

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
