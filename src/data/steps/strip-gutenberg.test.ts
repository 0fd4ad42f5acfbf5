import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { packageRoot } from "../../core/package-root.ts";
import { decodeText } from "../sources/decode-text.ts";
import { testBook, testParagraph } from "../sources/test-book.ts";
import { stripGutenberg, stripGutenbergStep } from "./strip-gutenberg.ts";

const words = (text: string): string[] => text.match(/\p{L}+/gu) ?? [];
const body = Array.from({ length: 60 }, (_, i) => testParagraph(i)).join(" ");

describe("every form of header and footer leaves the book and nothing else", () => {
  const smallPrint = (end: string): string =>
    `***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\r\nWhy is this "Small Print!" statement here?\r\nhart@pobox.com\r\n\r\n${end}`;
  test.each<[string, Parameters<typeof testBook>[0]]>([
    ["the usual one", {}],
    ["THE, not THIS", { start: "*** START OF THE PROJECT GUTENBERG EBOOK THE SLOW BOAT ***" }],
    [
      "no spaces",
      {
        start: "***START OF THE PROJECT GUTENBERG EBOOK THE SLOW BOAT***",
        end: "***END OF THE PROJECT GUTENBERG EBOOK THE SLOW BOAT***",
      },
    ],
    [
      "wrapped markers",
      {
        start: "*** START OF THIS PROJECT GUTENBERG EBOOK THE SLOW BOAT,\r\nCOMPLETE ***",
        end: "End of the Project Gutenberg EBook of The Slow Boat,\r\nComplete, by Ada Finch\r\n\r\n*** END OF THIS PROJECT GUTENBERG EBOOK THE SLOW BOAT,\r\nCOMPLETE\r\n***",
      },
    ],
    [
      "a credit on two lines",
      { credit: "Produced by David Someone. Earliest PG text edition produced by Graham\r\nAllan" },
    ],
    [
      "a credit with an address",
      { credit: "Transcribed from the 1915 edition by David Price,\r\nemail ccx074@pglaf.org" },
    ],
    [
      "a transcriber's box",
      {
        credit:
          "[Transcriber's Note: spelling was\r\nleft alone.]\r\n\r\nE-text prepared by A. Volunteer",
      },
    ],
    [
      "an etext of 1993",
      {
        start: smallPrint("*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*"),
        credit:
          "  The INTERNET WIRETAP First Electronic Edition of\r\n\r\n   Electronic Edition by <dell@wiretap.spies.com>\r\n   Released to the public July 1993",
        end: "End of the Wiretap/Project Gutenberg Etext of\r\nThe Slow Boat",
      },
    ],
    [
      "an etext of 2000",
      {
        start: smallPrint("*END THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.12.12.00*END*"),
        credit: "This etext was produced by Some One <one@cecomet.net>",
        end: "End of this Project Gutenberg Etext of The Slow Boat\r\nby Ada Finch",
      },
    ],
  ])("%s", (name, options) => {
    const raw = testBook(options);
    // The etexts have their licence in the header only.
    const file = name.startsWith("an etext") ? raw.slice(0, raw.indexOf("1.A.")) : raw;
    const { text, kept } = stripGutenberg(file);
    expect(words(text)).toEqual(words(`THE SLOW BOAT CHAPTER I ${body} THE END`));
    expect(kept).toBeGreaterThan(0.97);
  });
});

test("no marker is seen inside a line: the legend of the seven sleepers stays whole", () => {
  const trap =
    "THE LEGEND OF THE SEVEN SLEEPERS\r\n\r\nThey said it was the END OF THIS PROJECT, and it was not.\r\n\r\n";
  const raw = testBook().replace(testParagraph(10), `${trap}${testParagraph(10)}`);
  const { text } = stripGutenberg(raw);
  expect(text).toContain("SEVEN SLEEPERS");
  expect(words(text)).toHaveLength(words(`THE SLOW BOAT CHAPTER I ${trap} ${body} THE END`).length);
});

test("illustrations, footnotes and their references go; bracketed prose and the next paragraph stay", () => {
  const raw = testBook().replace(
    testParagraph(5),
    `[Illustration: The pilot [at left]\r\n\r\n   "No sooner said."]\r\n\r\nHe slept.[3] He woke{4} again.\r\n\r\n    [3] A village in\r\n    Hampshire.\r\n\r\n    More about the village.\r\n\r\n[It does seem a pity.--M. T.]\r\n\r\n[2] in the text is none of it.\r\n\r\n${testParagraph(5)}\r\n\r\n{footnote [Omitted by the advertiser.]}\r\n\r\n[End of transcriptions.]`,
  );
  const { text } = stripGutenberg(raw);
  expect(text).toContain("He slept. He woke again.\n\n[It does seem a pity.--M. T.]");
  expect(text).not.toMatch(/Illustration|No sooner|Hampshire|More about|advertiser|transcriptions/);
  expect(words(text)).toHaveLength(
    words(`THE SLOW BOAT CHAPTER I ${body} THE END He slept He woke again It does seem a pity M T`)
      .length,
  );
});

test("hours held together by braces are no references: the table goes, the text around it stays", () => {
  const table =
    "The Morning.                {  }  Contrive day's\r\n_Question._ What good       { 7}  business, and take\r\nshall I do?                 {10}  resolution.";
  const hours = "                              8}\r\n                              9}  Work.";
  const raw = testBook().replace(
    testParagraph(5),
    `{3} The lords enjoy it still.\r\n\r\nHe wrote {4} a scheme\r\n{5} of the day.\r\n\r\n${table}\r\n\r\n${hours}\r\n\r\n${testParagraph(5)}`,
  );
  const { text } = stripGutenberg(raw);
  expect(text).toContain("\n\nThe lords enjoy it still.\n\nHe wrote a scheme of the day.");
  expect(text).not.toMatch(/[{}]|Contrive|resolution|Work\./);
  expect(text).toContain("eleven chickens");
});

/** As source `files` gives it. */
const asFile = (text: string, kind: "book" | "passage" = "book") => ({
  id: "files:hfinn10.txt",
  kind,
  text,
  source: "files",
  licence: "x",
  sha256: "x",
  synthetic: false,
  extra: {},
});

async function judge(document: ReturnType<typeof asFile>) {
  async function* one(): AsyncGenerator<typeof document> {
    yield document;
  }
  for await (const judgement of stripGutenbergStep((kept) => kept).run(one())) return judgement;
  throw new Error("no judgement");
}

describe("a Gutenberg file that another source gives", () => {
  test("loses header and licence", async () => {
    for (const file of [
      testBook(),
      testBook({
        start: `***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\r\nWhy is this "Small Print!" statement here?\r\n\r\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*`,
      }),
    ]) {
      const { type, document: kept } = await judge(asFile(file));
      expect(type).toBe("keep");
      expect(words(kept.text)).toEqual(words(`THE SLOW BOAT CHAPTER I ${body} THE END`));
    }
  });

  test("is dropped, not trained on, where the cut is not to be trusted", async () => {
    const left = testBook({ paragraphs: 600 }).replace(
      testParagraph(300),
      `Project Gutenberg stands here.\r\n\r\n${testParagraph(300)}`,
    );
    expect(await judge(asFile(left))).toMatchObject({
      type: "drop",
      reason: "unusual Gutenberg file",
    });
  });

  test("other books stay as they are, also one that speaks of Project Gutenberg", async () => {
    const own = `[Illustration: mine]\n\nI read at Project Gutenberg.[1]\n\n${body}`;
    expect((await judge(asFile(own))).document.text).toBe(own);
    const passage = asFile(testBook(), "passage");
    expect((await judge(passage)).document.text).toBe(passage.text);
  });
});

test("a file that was cut in the wrong place is refused, not trained on", async () => {
  const document = {
    id: "gutenberg:1",
    kind: "book" as const,
    source: "gutenberg",
    licence: "x",
    sha256: "x",
    synthetic: false,
    extra: {},
  };
  async function* one(text: string): AsyncGenerator<typeof document & { text: string }> {
    yield { ...document, text };
  }
  const run = async (text: string): Promise<void> => {
    for await (const judgement of stripGutenbergStep((kept) => kept).run(one(text)))
      expect(judgement.type).toBe("keep");
  };
  await run(testBook());
  await expect(
    run(
      testBook({ paragraphs: 400 })
        .replace(
          testParagraph(40),
          `*** END OF THIS PROJECT GUTENBERG EBOOK X ***\r\n\r\n${testParagraph(40)}`,
        )
        .replace(/End of the Project Gutenberg EBook[\s\S]*/, ""),
    ),
  ).rejects.toMatchObject({ code: "curate/gutenberg-cut" });
  await expect(
    run(
      testBook({ paragraphs: 600 }).replace(
        testParagraph(300),
        `Project Gutenberg stands here.\r\n\r\n${testParagraph(300)}`,
      ),
    ),
  ).rejects.toMatchObject({
    code: "curate/gutenberg-cut",
    message: expect.stringContaining("stands here") as string,
  });
});

test("a book of which nothing is left is refused, and no empty text goes on", async () => {
  // The marker of the end right after that of the start, as where a table of contents quotes it.
  const end = "*** END OF THIS PROJECT GUTENBERG EBOOK THE SLOW BOAT ***";
  const raw = testBook({ paragraphs: 600 });
  const at = raw.indexOf(testParagraph(0));
  const document = {
    id: "gutenberg:4688",
    kind: "book" as const,
    text: `${raw.slice(0, at)}${end}\r\n\r\n${raw.slice(at).replace(/\*\*\* END OF[\s\S]*/, "")}`,
    source: "gutenberg",
    licence: "x",
    sha256: "x",
    synthetic: false,
    extra: {},
  };
  async function* one(): AsyncGenerator<typeof document> {
    yield document;
  }
  await expect(
    stripGutenbergStep((kept) => kept)
      .run(one())
      .next(),
  ).rejects.toMatchObject({
    code: "curate/gutenberg-cut",
    message: expect.stringMatching(/gutenberg:4688: only \d %/) as string,
  });
});

const shared = join(packageRoot(), "../shared/data");
const folders = existsSync(shared)
  ? [
      ...readdirSync(join(shared, "gutenberg")).map((id) => join(shared, "gutenberg", id)),
      join(shared, "gutenberg-old"),
    ]
  : [];
const books = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));

/** First and last words of the works, as a reader finds them between header and licence. */
const ENDS: Record<string, [string, string]> = {
  "119-0.txt": ["A TRAMP ABROAD, Part 1", "I haven't seen them for three weeks!"],
  "1342-0.txt": ["PRIDE AND PREJUDICE", "had been the means of uniting them."],
  "147-0.txt": ["COMMON SENSE;", "General Charles Lee"],
  "148.txt": ["THE AUTOBIOGRAPHY OF", "Arch streets, Philadelphia. Editor."],
  "154.txt": ["THE RISE OF SILAS LAPHAM", 'I guess I should have to do it."'],
  "1661-8.txt": ["THE ADVENTURES OF SHERLOCK HOLMES", "she has met with considerable success."],
  "1837-0.txt": ["THE PRINCE AND THE PAUPER", "worth thinking about, too."],
  "20203-8.txt": ["AUTOBIOGRAPHY", "doth not confirm."],
  "245-0.txt": ["LIFE ON THE MISSISSIPPI", "descended into the depths below."],
  "2701-0.txt": ["MOBY-DICK;", "only found another orphan."],
  "2895-0.txt": ["FOLLOWING", "to take the wind out of it."],
  "3176-0.txt": ["INNOCENTS ABROAD", "and then vanished and been forgotten!"],
  "3177-0.txt": ["ROUGHING IT", "the use of his legs at such a time.--M. T.]"],
  "35-0.txt": ["The Time Machine", "still lived on in the heart of man."],
  "74-0.txt": ["THE ADVENTURES OF TOM SAWYER", "any of that part of their lives at present."],
  "76-0.txt": ["ADVENTURES", "THE END. YOURS TRULY, _HUCK FINN_."],
  "844.txt": ["The Importance of Being Earnest", "TABLEAU"],
  "86-0.txt": ["A CONNECTICUT YANKEE IN KING ARTHUR'S COURT", "but he never finished it."],
  "944.txt": ["THE VOYAGE OF THE BEAGLE", "disinterested assistance."],
  "972.txt": ["THE DEVIL'S DICTIONARY", "sheds its horn every two years."],
  "98-8.txt": ["A TALE OF TWO CITIES", 'I go to than I have ever known."'],
  "hfinn10.txt": ["THE ADVENTURES OF HUCKLEBERRY FINN", "THE END"],
  "mtrit10.txt": ["Roughing It", "the use of his legs at such a time.--M. T.]"],
  "sawyr10.txt": ["THE ADVENTURES OF TOM SAWYER", "lives at present. ***"],
};

describe.skipIf(books.length === 0)("real books (skipped where ../shared/data is absent)", () => {
  test("early etexts as files of one's own lose their headers", async () => {
    for (const path of books.filter((book) => book.includes("gutenberg-old"))) {
      const raw = decodeText(readFileSync(path)).text;
      const { type, document } = await judge(asFile(raw));
      expect(type).toBe("keep");
      expect(document.text).not.toMatch(/small print!|gutenberg|\betexts?\b/i);
      expect(document.text).toBe(stripGutenberg(raw).text);
    }
  });

  test.each(books)("%s", (path) => {
    const name = path.split("/").at(-1)!;
    const raw = decodeText(readFileSync(path)).text;
    const { text, kept } = stripGutenberg(raw);
    expect(text).not.toMatch(
      /project gutenberg|wiretap|pglaf|proofreading team|David Widger|Les\s+Bowler|Graham\s+Allan|John Hamm|\be-?texts?\b|\[Illustration|\[Footnote|\{footnote/i,
    );
    expect(text).not.toMatch(/[\w.]+@\w+\.\w/);
    // "Produced by" opens a line of prose now and then, but not at either end.
    expect(text.slice(0, 5000) + text.slice(-2000)).not.toMatch(
      /^\s*(?:Produced by|Transcrib|This etext)/im,
    );
    const flat = text.replaceAll(/\s+/g, " ").trim();
    const [first, last] = ENDS[name]!;
    expect(flat.slice(0, first.length + 40)).toContain(first);
    expect(flat.endsWith(last), flat.slice(-80)).toBe(true);
    // Footnotes of Darwin and of Franklin's editor are all that is missing between the ends.
    expect(kept).toBeGreaterThan(name === "20203-8.txt" ? 0.85 : 0.95);
    const span = raw.slice(raw.indexOf(first), raw.lastIndexOf(last.slice(0, 12)));
    expect(words(text).length).toBeGreaterThan(
      words(span).length * (name === "20203-8.txt" ? 0.85 : 0.95),
    );
  });
});
