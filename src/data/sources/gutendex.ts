/** Ids of Project Gutenberg's books by author and title, from a gutendex catalogue. https://gutendex.com */
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { sameAuthor, sameTitle } from "./gutenberg-header.ts";
import { parseAnswer } from "./parse-answer.ts";
import type { PoliteFetch } from "./polite-fetch.ts";

export interface CatalogueBook {
  id: number;
  title: string;
}

const Page = z.looseObject({
  next: z.string().nullish(),
  results: z.array(
    z.looseObject({
      id: z.number().int().positive(),
      title: z.string(),
      authors: z.array(z.looseObject({ name: z.string() })),
      languages: z.array(z.string()),
      /** True where it is protected in the USA; null where nobody knows. */
      copyright: z.boolean().nullish(),
      media_type: z.string().nullish(),
      download_count: z.number().nullish(),
    }),
  ),
});
type Page = z.infer<typeof Page>;

/** Of 32 books each. */
const MAX_PAGES = 10;

/**
 * Free books in the language by an author, most read first; with a title, only those of that title. Throws
 * `collect/unknown-work`, which names what the catalogue has of the author.
 */
export async function findBooks(
  polite: PoliteFetch,
  catalogue: string,
  wanted: { author: string; title?: string; language: string },
): Promise<CatalogueBook[]> {
  const base = catalogue.replace(/\/+$/, "");
  const { author, title, language } = wanted;
  const query = new URLSearchParams({
    search: title === undefined ? author : `${title} ${author}`,
    languages: language,
    copyright: "false",
  });
  const books: Page["results"] = [];
  let url: string | undefined = `${base}/books?${query.toString()}`;
  for (let page = 0; url !== undefined && page < MAX_PAGES; page++) {
    const found = await polite.get(url);
    if (!found)
      throw new TwainError("collect/missing-feed", `${url} does not exist`, {
        hint: "Is catalogue the address of a gutendex?",
      });
    const { next, results }: Page = parseAnswer(found.bytes, Page, url);
    books.push(...results);
    // Only the query: a page may not lead to another host.
    url = next && URL.canParse(next) ? `${base}/books${new URL(next).search}` : undefined;
  }
  const own = books.filter(
    (book) =>
      book.copyright === false &&
      (book.media_type ?? "Text") === "Text" &&
      book.languages.includes(language) &&
      book.authors.some(({ name }) => sameAuthor(author, name)),
  );
  const right = own
    .filter((book) => title === undefined || sameTitle(title, book.title))
    .toSorted((a, b) => (b.download_count ?? 0) - (a.download_count ?? 0) || a.id - b.id);
  if (right.length === 0) {
    const others = own.slice(0, 8).map((book) => `${book.id} ${book.title.slice(0, 80)}`);
    throw new TwainError(
      "collect/unknown-work",
      `${base} has no free book ${title === undefined ? "" : `"${title}" `}by ${author} in ${language}; ${others.length > 0 ? `it has ${others.join(", ")}` : `of ${books.length} that it found none is by that author`}`,
      { hint: "Check the spelling, or give the id of the book in data.sources." },
    );
  }
  return [...new Map(right.map(({ id, title: name }) => [id, { id, title: name }])).values()];
}
