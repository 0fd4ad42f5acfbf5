import { expect, test } from "vitest";
import { topicOf } from "./topic.ts";

test("the noun that comes back is the subject, in one number or the other", () => {
  expect(topicOf("The river rose. We heard the river, and the river did not knock.")).toBe(
    "the river",
  );
  expect(topicOf("I bought a mule. Nobody had told me that mules think; a mule is a judge.")).toBe(
    "a mule",
  );
  expect(topicOf("He wore his hats in the rain, and the hats were ruined.")).toBe("hats");
});

test.each([
  ["a noun that comes once", "The river rose and nobody slept."],
  // "the oldest" was said as a noun once, the rest are adjectives and verbs.
  ["an adjective", "The oldest of us slept. An old horse is older than the oldest is."],
  ["a verb", "They emerge at noon. The emerge is odd. When they emerge again, they emerge wet."],
  ["an abstract word", "It was a sense of duty. The sense of it was lost; a sense is a sense."],
  [
    "people by what others called them",
    "The native is a man. A native was there, and a native is.",
  ],
  ["slaves", "The slave was sold. A slave is a man, and the slave said so."],
])("%s is none", (_, text) => {
  expect(topicOf(text)).toBeUndefined();
});
