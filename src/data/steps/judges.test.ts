/** The steps that look at one document at a time: what they must drop, and above all what they must not. */
import { describe, expect, test } from "vitest";
import type { Document, DocumentKind } from "../../core/document.ts";
import type { Step } from "../pipeline.ts";
import { headlineProblem, headlineShapeStep } from "./headline-shape.ts";
import { languageStep } from "./language.ts";
import { lengthStep } from "./length.ts";
import { piiStep } from "./pii.ts";
import { qualityStep } from "./quality.ts";
import { safetyStep } from "./safety.ts";

const make = (kind: DocumentKind, text: string, extra: Document["extra"] = {}): Document => ({
  id: "x",
  kind,
  text,
  source: "s",
  licence: "l",
  sha256: "",
  synthetic: false,
  extra,
});

/** The reason for the drop, or "kept". */
async function judge(step: Step, document: Document): Promise<string> {
  async function* one(): AsyncGenerator<Document> {
    yield document;
  }
  for await (const judgement of step.run(one()))
    return judgement.type === "drop" ? judgement.reason : "kept";
  throw new Error("no judgement");
}

const PROSE =
  "My brother had just been appointed Secretary of Nevada Territory, an office of such majesty that it concentrated in itself the duties and dignities of Treasurer, Comptroller and Secretary of State. I was young and ignorant, and I envied my brother.";
const HEADLINES = [
  "Rain Cancelled Due To Rain",
  "Man Bites Cloud",
  "Area Fog Refuses To Comment",
  "'Drought Over,' Says Drowning Man",
  "Study: 43% Of Wind Imaginary",
  "U.N. Court Orders U.S. To Ease Sanctions Against Iran",
];

test("quality and language leave headlines alone, short as they are", async () => {
  for (const text of HEADLINES) {
    expect(await judge(qualityStep, make("headline", text)), text).toBe("kept");
    expect(await judge(languageStep("en"), make("headline", text)), text).toBe("kept");
    expect(
      await judge(lengthStep({ minWords: 40, maxWords: 110 }), make("headline", `${text} Today`)),
      text,
    ).toBe("kept");
    expect(headlineProblem(text)).toBeUndefined();
  }
});

test("quality keeps prose and drops what is no prose", async () => {
  expect(await judge(qualityStep, make("passage", PROSE))).toBe("kept");
  expect(await judge(qualityStep, make("passage", "Ecclesiastical ".repeat(40)))).not.toBe("kept");
  expect(await judge(qualityStep, make("passage", "and so it was again ".repeat(20)))).toBe(
    "repetition",
  );
  expect(await judge(qualityStep, make("passage", "| S.| * | * | | * |\n\n| O.| **| * |"))).toBe(
    "few letters",
  );
  expect(
    await judge(
      qualityStep,
      make(
        "passage",
        "of the 1723 and 1724 to 1726, 1727, 1728 and the 1729 of 1730 in 1731 was 1732",
      ),
    ),
  ).toMatch(/digits|letters/);
});

test("language drops other languages", async () => {
  const german =
    "Es war einmal ein König, der hatte drei Töchter, und die jüngste war so schön, daß die Sonne selber sich verwunderte.";
  expect(await judge(languageStep("en"), make("passage", german))).toBe("other language");
  expect(await judge(languageStep("de"), make("passage", german))).toBe("kept");
  expect(await judge(languageStep("en"), make("passage", PROSE))).toBe("kept");
  expect(await judge(languageStep("en"), make("passage", PROSE.toUpperCase()))).toBe("kept");
});

test("language judges every document of many, in their order", async () => {
  const german = "Der Regen fiel die ganze Nacht auf die Dächer der kleinen Stadt am Fluss.";
  const many = Array.from({ length: 700 }, (_, i) => ({
    ...make("passage", i % 3 === 0 ? german : PROSE),
    id: `d${i}`,
  }));
  const stream = async function* () {
    yield* many;
  };
  const judged: string[] = [];
  for await (const { type, document } of languageStep("en").run(stream()))
    judged.push(`${document.id} ${type}`);
  expect(judged).toEqual(many.map(({ id }, i) => `${id} ${i % 3 === 0 ? "drop" : "keep"}`));
});

test("length goes by kind, and by the recipe for passages of books", async () => {
  const step = lengthStep({ minWords: 40, maxWords: 110 });
  const words = (n: number): string => "word ".repeat(n);
  expect(await judge(step, make("passage", words(20)))).toBe("kept");
  expect(await judge(step, make("passage", words(39), { work: "gutenberg:1" }))).toBe("too short");
  expect(await judge(step, make("passage", words(220), { work: "gutenberg:1" }))).toBe("kept");
  expect(await judge(step, make("passage", words(221), { work: "gutenberg:1" }))).toBe("too long");
  expect(
    await judge(step, make("aphorism", "Noise proves nothing.", { work: "gutenberg:1" })),
  ).toBe("kept");
  expect(await judge(step, make("headline", "Food"))).toBe("too short");
});

describe("headline shape", () => {
  test.each([
    ["Does anyone know the name of this video?", "question"],
    ["What does this mean?", "question"],
    ["I think this belongs here.", "remark"],
    ["Found on r/accidentalmulaney", "about the forum"],
    ["This is from The Onion's book", "about the forum"],
    ["https://apple.news/Ad30NQEhmRH6StQ1qoxGwDQ", "link"],
    ["Quiz: How Loyal Is Your Guitar Teacher?", "series"],
    ["a man burns his house trying to kill a spider", "lower case"],
    ["They Said What?!: Find Out What Gene Hackman, Noam Chomsky, And More Have To Say", "series"],
    ["Find Out What Gene Hackman And Noam Chomsky Have To Say", "series"],
    ["Heidi Klum said WHAT?!", "series"],
    ["Your Horoscopes—Week Of May 29, 2018", "series"],
    ["Horoscope: Leo", "series"],
    ["The Week In Pictures – Week Of April 2, 2018", "series"],
    ["'My Left Arm Weighs 38 Pounds': 5 Questions With DJ Khaled", "series"],
    ["Everything You Need To Know About The Emmy Awards", "series"],
    ["What You Need To Know About Last Night's Debacle", "series"],
    ["5 Things To Know About Lent", "series"],
    ["5 Things To Watch For At The Academy Awards", "series"],
    ["Timeline Of Internet Bots", "series"],
    ["A Timeline Of The EPA", "series"],
    ["The Pros And Cons Of Early Retirement", "series"],
    ["Tips For Jury Duty", "series"],
    ["Top 5 Common Superstitions", "series"],
    ["American Voices - More Than 1 Million Ordered To Evacuate", "series"],
    ["Onion Fact Checks: The President's Address", "series"],
  ])("%s", (title, reason) => {
    expect(headlineProblem(title)).toBe(reason);
  });

  test.each([
    "Would Human Extinction Be A Tragedy?",
    "I Would Never Let My Daughter Enter A Beauty Pageant",
    "This Bully Keeps Guessing Classmates' Weights",
    "Man arrested for telling kids that Santa isn't real",
    "Area Man Knows Everything About Tips",
    "5 Times The Brooklyn Nets Played Basketball",
    "All The Characters Die: Everything You Need To Know About 'Isle Of Dogs'",
    "Horoscope Writer Did Not See That Coming",
    "Nation Asks What Pope Said",
  ])("%s is one", (title) => {
    expect(headlineProblem(title)).toBeUndefined();
  });

  test("where a humorous subreddit links to papers in title case, sentence case is no headline", async () => {
    const judged = (text: string, extra: Document["extra"]): Promise<string> =>
      judge(headlineShapeStep, make("headline", text, extra));
    const onion = { humorous: true, subreddit: "TheOnion" };
    expect(await judged("New ebay Method live proof", onion)).toBe("sentence case");
    expect(await judged("Dog sentenced to two months in county pound", onion)).toBe(
      "sentence case",
    );
    expect(await judged("Scientists Finally Figure Out What Hats Do", onion)).toBe("kept");
    // Real news, which nobody is taught, and headlines of other papers.
    const news = { humorous: false, subreddit: "nottheonion" };
    expect(await judged("Dog sentenced to two months in county pound", news)).toBe("kept");
    expect(await judged("Dog sentenced to two months in county pound", { humorous: true })).toBe(
      "kept",
    );
  });
});

test("safety drops obscene titles and slurs in any text, and no innocent words", async () => {
  const step = safetyStep();
  expect(await judge(step, make("headline", "Holy Fucking Shit, Nation Says"))).toBe("obscene");
  expect(await judge(step, make("passage", "He said the nigger had gone."))).toBe("slur");
  expect(await judge(step, make("passage", "Injun Joe was there."))).toBe("slur");
  // Old prose has these words in their old senses; the lexicon is for titles.
  for (const text of [
    "The cock crew and the ass brayed.",
    "He sniggered at the chinks in the wall.",
    "The River Niger is long.",
    "It was niggardly of him.",
  ])
    expect(await judge(step, make("passage", text)), text).toBe("kept");
  for (const text of [
    "Assassin Class Passes Essex Grass",
    "Area Man Plays Bass",
    "Assystem Wins Agreement From Atomic Energy Authority",
    "Tanushree Gives Notice To Principal Jannusky",
    "Cary Fukunaga Directs Film",
    "Postal Workers Bribed By Drug Traffickers",
    "Pilot Leaves Cockpit At Dickerson Park",
    "Customers Rappelling Into Assorted Pastries",
  ])
    expect(await judge(step, make("headline", text)), text).toBe("kept");
  for (const text of [
    "Asshole Boss Back",
    "Man Says Bullshit",
    "Nation's Dicks Meet",
    "Pissed Off",
  ])
    expect(await judge(step, make("headline", text)), text).toBe("obscene");
});

describe("headlines and jokes at the cost of people", () => {
  const step = safetyStep();
  test.each([
    ["Growing 'Fat-Earther' Movement Believes Planet Overweight", "cruel"],
    ["New Anti-Smoking Ad Warns Teens It's Gay To Smoke", "cruel"],
    ["Frat Brothers Draw All Over Pledge Who Passed Away At Party", "cruel"],
    ["This Father Was Pushing His Paralyzed Son In A Marathon But Ditched Him", "cruel"],
    ["Fat Kid Avoids Ridicule By Swimming With Shirt", "cruel"],
    ["Super 8 Offering Residency For Anyone Working On Suicide Note", "cruel"],
    ["Idea Of Doing Nothing Until Next Mass Shooting Gains Traction", "cruel"],
    ["Soldier Recounts Heroic Story Of Killing 8-Month-Old Child", "cruel"],
    ["An Abortion Doctor So Sexual", "sexual"],
    ["Giuliani Defends Making Kim Jong-Un Blow Him", "sexual"],
    ["Church Releases New Molestation-Proof Uniform", "sexual"],
  ])("%s: %s", async (text, reason) => {
    expect(await judge(step, make("headline", text))).toBe(reason);
    expect(await judge(step, make("joke", text))).toBe(reason);
    // A book may speak of death and of doctors.
    expect(await judge(step, make("passage", text))).toBe("kept");
  });

  test.each([
    "Trump Assures Nation That Decision Came After Carefully Considering All His Passing Whims",
    "Orrin Hatch Delivers Farewell Address From Coffin",
    "Trump Shooting For Second Term",
    "Giraffe Insulted By Zoo Blowing It Up With Balloons",
    "Philadelphia Fat Cats Worried",
    "Koch Brothers Caught Abusing Semicolon",
    "Crash Test Dummy Retires",
    "San Diego Gay Pride Parade Rained Out",
    "Capri Sun Adds A Little Wheelchair Ramp To The Straw Hole",
  ])("%s stays", async (text) => {
    expect(await judge(step, make("headline", text))).toBe("kept");
  });
});

test("personal data: what a validator accepts is dropped, what looks like it is not", async () => {
  const step = piiStep();
  for (const [text, reason] of [
    ["Write to ccx074@pglaf.org today", "email"],
    ["Call (212) 254-5093 now", "phone"],
    ["Call 212-254-5093", "phone"],
    ["Ring +44 20 7946 0958", "phone"],
    ["At 8.8.8.8 it listens", "ip address"],
  ] as const)
    expect(await judge(step, make("passage", text)), text).toBe(reason);
  for (const text of [
    "It ran 1,250,000 square miles in 1863-1864.",
    "Version 1.2.3.4444 of 10.0.0.1 and 192.168.0.1",
    "Call 212-555-0142, as they do in films",
    "Part 112-254-5093",
    "300.400.1.2 is none",
    "He sold 19 @ 242",
    "twelve-to-one at 5.30.10",
  ])
    expect(await judge(step, make("passage", text)), text).toBe("kept");
});
