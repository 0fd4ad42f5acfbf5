/** `nano` on real input: nine Twain books, both Franklin texts, and 20,000 headlines of two subreddits. */
import { defineRecipe } from "../src/core/recipe.ts";
import nano from "./nano.ts";

const twain = (id: number, title: string) => ({
  id,
  title,
  author: "Mark Twain",
  role: "style",
  persona: "twain",
});
/** Without what his editors wrote before and behind it. */
const franklin = (id: number, title: string, from: string, until: string) => ({
  id,
  title,
  author: "Benjamin Franklin",
  role: "style",
  persona: "franklin",
  from,
  until,
});
const other = (id: number, title: string, author: string) => ({
  id,
  title,
  author,
  role: "neutral",
});

export default defineRecipe({
  ...nano,
  name: "weekend-nano",
  description: "TwainBot from real books and headline dumps, on a laptop",
  curate: { ...nano.curate, drills: 60_000, episodes: { train: 16_000, cases: 220, answers: 12 } },
  base: {
    ...nano.base,
    training: { ...nano.base.training, steps: 2200, validEvery: 1100, saveEvery: 550 },
  },
  train: {
    ...nano.train,
    steps: 5400,
    validEvery: 2700,
    saveEvery: 900,
    mixture: {
      tool: 0.7,
      "tool-error": 0.05,
      "missing-location": 0.08,
      "no-tool": 0.1,
      humour: 0.035,
      literary: 0.035,
    },
  },
  evaluate: { samples: 200, maxTokens: 110 },
  data: {
    // What data.root does not have is downloaded from a Gutenberg mirror, a book every two seconds.
    network: true,
    sources: [
      {
        kind: "gutenberg",
        works: [
          twain(74, "The Adventures of Tom Sawyer"),
          twain(76, "Adventures of Huckleberry Finn"),
          twain(86, "A Connecticut Yankee in King Arthur's Court"),
          twain(119, "A Tramp Abroad"),
          twain(245, "Life on the Mississippi"),
          twain(1837, "The Prince and the Pauper"),
          twain(2895, "Following the Equator"),
          twain(3176, "The Innocents Abroad"),
          twain(3177, "Roughing It"),
          franklin(
            148,
            "The Autobiography of Benjamin Franklin",
            "DEAR SON: I have ever had pleasure in obtaining any little anecdotes of my ancestors.",
            "despis'd the threats and they were never put in execution.",
          ),
          franklin(
            20203,
            "Autobiography of Benjamin Franklin",
            "Dear son: I have ever had pleasure in obtaining any little anecdotes of my ancestors.",
            "misfortunes brought upon people by their carrying their heads too high.",
          ),
          // Other authors: plain prose for the base, and whom the style classifier tells Twain from.
          other(35, "The Time Machine", "H. G. Wells"),
          other(98, "A Tale of Two Cities", "Charles Dickens"),
          other(154, "The Rise of Silas Lapham", "William Dean Howells"),
          other(944, "The Voyage of the Beagle", "Charles Darwin"),
          other(1342, "Pride and Prejudice", "Jane Austen"),
          other(1661, "The Adventures of Sherlock Holmes", "Arthur Conan Doyle"),
        ],
      },
      {
        kind: "reddit-csv",
        files: ["TheOnion_181217_184244.csv", "nottheonion_181217_184009.csv"],
        humorous: ["TheOnion"],
        optional: true,
      },
      { kind: "bundled", sets: ["twain", "franklin", "headlines", "jokes", "neutral"] },
    ],
  },
});
