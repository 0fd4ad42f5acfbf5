import { expect, test } from "vitest";
import { headlineTopic } from "./headline-topic.ts";

test.each([
  ["Congress Passes Law On Senate Floor", "Congress"],
  ["Dog Reminds Senate Of Walk", "a dog"],
  ["Key Senate Races To Watch", "the Senate"],
  ["Trump's Plan For White House Lawn", "the White House"],
  ["Supreme Court Upholds Nap", "the Supreme Court"],
  ["God's Plan Revised", "God"],
  ["Area Mom Off Thinking Again", "a mom"],
  ["Popular Wedding Dress Explodes", "a wedding"],
  ["Facebook Apologizes To Facebook", "Facebook"],
  ["Parents’ Plan Fails", "parents"],
  ["Chicago Sets Warm Winter Record", "winter"],
])("%s is about %s", (headline, topic) => {
  expect(headlineTopic(headline)).toBe(topic);
});

test.each([
  "Bear Grylls Eats Own Tent",
  "This House For Sale",
  "Jon Snow Knows Nothing",
  "Adam Driver Arrives Late",
  "Aaron Judge Homers",
  "Moon Jae-In Visits Seoul",
  "Film Takes World By Storm",
  "Fans Of The Game Spring To Life".replace("Fans", "Lovers"),
  "Man Sings 'The Dog' Aloud",
  "Oh God, Says Man",
  "Nuclear Family".replace("Family", "Winters"),
  "To Train Or Not",
  "Dogged Doctoral Candidacy",
])("of %s nothing is said that could be wrong", (headline) => {
  expect(headlineTopic(headline)).toBeUndefined();
});

test("a name is passed over, and the next subject taken", () => {
  expect(headlineTopic("Jon Snow Sees Dentist")).toBe("a dentist");
  expect(headlineTopic("'Star Wars' Fans Rejoice")).toBe("fans");
});

test("two words are one subject only side by side", () => {
  expect(headlineTopic("Nation's White, House Painters Say Dogs")).toBe("dogs");
});
