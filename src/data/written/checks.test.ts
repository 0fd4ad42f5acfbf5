import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import type { Document } from "../../core/document.ts";
import type { Judgement } from "../pipeline.ts";
import { anachronism } from "./anachronism.ts";
import { contrastProblem } from "./contrast.ts";
import { copiesStep } from "./copies.ts";
import { drawRounds } from "./draws.ts";
import { cappedCounts } from "./plan-texts.ts";
import { talkOf } from "./refusal.ts";
import { retellingProblem } from "./style-transfer.ts";
import { remarkProblem } from "./weather-humour.ts";
import { WrittenConfig } from "../../core/written-config.ts";

test.each([
  ["speaks as a machine", "As an AI, I do not feel the rain."],
  ["speaks as a machine", "I'm just a language model, but it rains."],
  ["refusal", "I'm sorry, but I can't help with that."],
  ["refusal", "I do not have access to real-time data."],
  ["talks about the task", "Sure! The fog sat down."],
  ["talks about the task", "Here is a short remark in his voice: the fog sat down."],
  ["talks about the task", "The fog sat down. I hope this helps!"],
  ["markup", "**The fog** sat down."],
  ["markup", "The fog sat down in [city]."],
  ["markup", "# Fog\nIt sat down."],
])("%s: %s", (reason, text) => {
  expect(talkOf(text)).toBe(reason);
});

test.each([
  "I am sorry for the rain, and said so to it.",
  "Of course the fog of Duluth is free, and nobody asked for it: we pay in hats.",
  "Here is the trouble with a thaw; it never asks.",
  "I cannot say that I was sorry.",
  "It was an aid to digestion, as an airing is.",
])("old prose passes: %s", (text) => {
  expect(talkOf(text)).toBeUndefined();
});

test("who asks for up-to-date weather does not refuse to tell it", () => {
  const text = "Can I have up-to-date weather for Oslo?";
  expect(talkOf(text)).toBe("refusal");
  expect(talkOf(text, { isQuestion: true })).toBeUndefined();
});

test("each voice has its own century", () => {
  expect(anachronism("He looked at his smartphone.", "twain", "")).toBe("smartphone");
  expect(anachronism("The telegraph said rain.", "twain", "")).toBeUndefined();
  expect(anachronism("The telegraph said rain.", "franklin", "")).toBe("telegraph");
  expect(anachronism("He looked at his smartphone.", "neutral", "")).toBeUndefined();
  expect(anachronism("The airport is wet.", "twain", "Weather at the airport?")).toBeUndefined();
  // Words within words are no finds.
  expect(
    anachronism("An apparent appetite, a jetty, a stable plasticity.", "twain", ""),
  ).toBeUndefined();
});

const passage =
  "A cloud forms when moist air rises and cools. Cool air can hold less water vapor than warm air, so some of the vapor condenses onto tiny specks of dust.";
test("a retelling keeps to its subject, its length and its numbers", () => {
  const good =
    "Let moist air climb high enough and it catches cold, and there is your cloud: the vapor, having no room left, sits down upon the nearest speck of dust.";
  expect(retellingProblem(good, passage)).toBeUndefined();
  expect(retellingProblem("A cloud is damp air.", passage)).toBe("too short");
  expect(retellingProblem(`${good} `.repeat(4), passage)).toBe("too long");
  expect(retellingProblem(good.replace("speck", "1 of 40 specks"), passage)).toBe("foreign number");
  expect(
    retellingProblem(
      "My uncle kept a mule that would not pull, and when he sold it the buyer came back and asked whether it was alive.",
      passage,
    ),
  ).toBe("another subject");
});

test("a remark names its town or its weather, and no figure", () => {
  const good = "The fog of Duluth is so thick that the gulls walk to work, and are late.";
  expect(remarkProblem(good, "Duluth", "fog")).toBeUndefined();
  expect(remarkProblem(good.replace("Duluth", "this town"), "Duluth", "fog")).toBeUndefined();
  expect(remarkProblem(good, "Salem", "snow")).toBe("another subject");
  expect(remarkProblem(`${good} It was 40 degrees.`, "Duluth", "fog")).toBe("states figures");
  expect(remarkProblem("Duluth is foggy.", "Duluth", "fog")).toBe("too short");
});

test("a bland answer is true, a wrong one is not", () => {
  const result = {
    location: "Oslo, Norway",
    conditions: "light rain",
    high: 12,
    low: 4,
    date: "2026-01-05",
    units: "celsius",
  };
  const true_ = "Oslo will have light rain with a high of 12 and a low of 4 degrees.";
  const untrue = "Oslo will bake at 35 degrees.";
  expect(contrastProblem("bland", true_, result, "")).toBeUndefined();
  expect(contrastProblem("bland", untrue, result, "")).toBe("unfaithful");
  expect(contrastProblem("wrong", untrue, result, "")).toBeUndefined();
  expect(contrastProblem("wrong", true_, result, "")).toBe("not wrong");
});

const document = (id: string, text: string): Document => ({
  id,
  kind: "passage",
  text,
  source: "written",
  licence: "CC0-1.0",
  sha256: "",
  synthetic: true,
  extra: {},
});

test("copies of the source and of the corpus go, what is newly said stays", async () => {
  const corpus = [
    document(
      "book",
      "The reports of my ferry have been much exaggerated by those who missed it twice in one afternoon.",
    ),
  ];
  const texts = {
    source: passage.replace("tiny specks of dust", "little bits of soot"),
    corpus:
      "As he put it: the reports of my ferry have been much exaggerated by those who missed it twice in one afternoon.",
    own: "When air climbs it catches cold, and the water in it has to sit down somewhere; a grain of dust will do.",
  };
  async function* given() {
    for (const [id, text] of Object.entries(texts)) yield document(id, text);
  }
  const verdicts: Judgement[] = [];
  for await (const verdict of copiesStep(corpus, () => passage).run(given()))
    verdicts.push(verdict);
  expect(verdicts.map((each) => (each.type === "drop" ? each.reason : each.type))).toEqual([
    "near copy of its source",
    "repeats the corpus",
    "keep",
  ]);
});

test("draws: each item once a round, the same in any order, and one item more displaces at most one", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 });
  const drawn = (items: readonly string[], count: number) =>
    drawRounds(items, (item) => item, count, createRandom(7)).map(({ item, round, random }) => ({
      key: `${item}|${round}`,
      next: random.next(),
    }));
  fc.assert(
    fc.property(names, fc.string({ minLength: 21 }), fc.nat(50), (items, more, count) => {
      const all = drawn(items, count);
      expect(all).toHaveLength(count);
      expect(new Set(all.map(({ key }) => key)).size).toBe(count);
      expect(drawn(items.toReversed(), count)).toEqual(all);
      if (count > items.length) return;
      const after = drawn([...items, more], count).map(({ key }) => key);
      expect(all.filter(({ key }) => !after.includes(key)).length).toBeLessThanOrEqual(1);
    }),
  );
});

test("the cap cuts every kind of row alike, and pairs not", () => {
  const config = (cap: number | "off"): WrittenConfig =>
    WrittenConfig.parse({
      endpoint: { url: "http://127.0.0.1/v1/", model: "m", terms: "t" },
      kinds: { hybrid: 300, "weather-humour": 100, contrast: 50 },
      cap,
    });
  expect(config(2).endpoint.url).toBe("http://127.0.0.1/v1");
  expect([...cappedCounts(config(2), 100).counts.values()]).toEqual([150, 50, 50]);
  expect([...cappedCounts(config(4), 1000).counts.values()]).toEqual([300, 100, 50]);
  expect([...cappedCounts(config("off"), 0).counts.values()]).toEqual([300, 100, 50]);
  expect(() => config(5)).toThrow();
  expect(() => WrittenConfig.parse({ ...config(2), budget: { cost: 1 } })).toThrow(/budget.cost/);
  for (const url of ["ftp://x/v1", "http://user:pass@host/v1", "nonsense"])
    expect(() =>
      WrittenConfig.parse({ ...config(2), endpoint: { url, model: "m", terms: "t" } }),
    ).toThrow();
  for (const field of ["model", "messages", "stream"])
    expect(() =>
      WrittenConfig.parse({
        ...config(2),
        endpoint: { ...config(2).endpoint, body: { [field]: 1 } },
      }),
    ).toThrow(/may not set/);
});
