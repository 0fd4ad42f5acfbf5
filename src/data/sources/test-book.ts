/** A made-up book in the form of a Project Gutenberg file, for tests. */

const SENTENCES = [
  "The captain said that the river had risen in the night and would not be reasoned with.",
  "We tied up below the point and waited for the fog to make up its mind.",
  "A man named Tully sold us eleven chickens, of which four were alive.",
  "Nobody had seen the pilot since supper, and nobody had looked.",
  "It rained in the morning, and in the afternoon it rained again to be sure.",
];

/** Paragraph number `i`, different from every other, wrapped at about 70 columns with CRLF. */
export function testParagraph(i: number): string {
  const words = SENTENCES.map((_, k) => SENTENCES[(i + k) % SENTENCES.length]!)
    .join(` That was on day ${i} of the voyage. `)
    .split(" ");
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line.length + word.length > 69) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\r\n");
}

export function testBook(
  options: {
    title?: string;
    author?: string;
    id?: number;
    paragraphs?: number;
    start?: string;
    credit?: string;
    end?: string;
  } = {},
): string {
  const {
    title = "The Slow Boat",
    author = "Ada Finch",
    id = 9001,
    paragraphs = 60,
    credit = "Produced by Some Volunteer",
  } = options;
  const start =
    options.start ?? `*** START OF THIS PROJECT GUTENBERG EBOOK ${title.toUpperCase()} ***`;
  const end =
    options.end ??
    `End of the Project Gutenberg EBook of ${title}, by ${author}\r\n\r\n*** END OF THIS PROJECT GUTENBERG EBOOK ${title.toUpperCase()} ***`;
  const body = Array.from({ length: paragraphs }, (_, i) => testParagraph(i)).join("\r\n\r\n");
  const licence =
    "1.A.  By reading or using any part of this Project Gutenberg-tm electronic\r\nwork, you agree. Write to gbnewby@pglaf.org\r\n".repeat(
      40,
    );
  return [
    `\uFEFFThe Project Gutenberg EBook of ${title}, by ${author}\r\n\r\nThis eBook is for the use of anyone anywhere at no cost`,
    `Title: ${title}\r\n\r\nAuthor: ${author}\r\n\r\nRelease Date: June, 2009 [EBook #${id}]\r\n\r\nLanguage: English`,
    start,
    credit,
    `${title.toUpperCase()}\r\n\r\nCHAPTER I`,
    body,
    "THE END",
    end,
    licence,
  ].join("\r\n\r\n\r\n");
}
