/** The items of an RSS 2.0 or Atom feed. No entity is ever expanded by the parser: the five of XML are read here. */
import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { TwainError } from "../../core/errors.ts";
import { decodeReferences, htmlToText } from "./html-text.ts";

export interface FeedItem {
  /** What the feed calls the item: its guid or id, else its link, else its title; empty where it has none. */
  key: string;
  /** One line of plain text, empty where missing. */
  title: string;
  /** As the feed gives it, perhaps relative. */
  link?: string;
  author?: string;
  /** ISO time. */
  published?: string;
  /** Plain text, a line for each paragraph. */
  summary: string;
  content: string;
}

const MAX_DEPTH = 40;

const parser = new XMLParser({
  processEntities: false,
  ignoreAttributes: false,
  parseTagValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  alwaysCreateTextNode: true,
  maxNestedTags: MAX_DEPTH,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
  // Markup in a text belongs to the text.
  stopNodes: ["..title", "..description", "..summary", "..content", "..content:encoded"],
});

const Node = z.looseObject({
  "#text": z.string().default(""),
  "@_type": z.string().optional(),
  "@_src": z.string().optional(),
  "@_rel": z.string().optional(),
  "@_href": z.string().optional(),
  "@_isPermaLink": z.string().optional(),
});
type Node = z.infer<typeof Node>;
/** A field of another shape is a field that is missing. */
const Nodes = z.array(Node).catch([]).default([]);

const Person = z
  .array(z.looseObject({ name: Nodes }))
  .catch([])
  .default([]);
const Item = z.object({
  title: Nodes,
  link: Nodes,
  description: Nodes,
  "content:encoded": Nodes,
  guid: Nodes,
  pubDate: Nodes,
  "dc:creator": Nodes,
  "dc:date": Nodes,
});
const Entry = z.object({
  title: Nodes,
  link: Nodes,
  summary: Nodes,
  content: Nodes,
  id: Nodes,
  published: Nodes,
  updated: Nodes,
  author: Person,
});
const Root = z.union([
  z.object({
    rss: z.tuple([z.object({ channel: z.tuple([z.object({ item: z.array(Item).default([]) })]) })]),
  }),
  z.object({ feed: z.tuple([z.object({ entry: z.array(Entry).default([]) })]) }),
]);

/** Parts of XML character data: CDATA sections verbatim, what is between them as it stands. */
function* sections(raw: string): Generator<{ text: string; literal: boolean }> {
  for (const [i, part] of raw.split("<![CDATA[").entries()) {
    const end = i === 0 ? 0 : part.indexOf("]]>");
    if (i > 0) yield { text: end < 0 ? part : part.slice(0, end), literal: true };
    if (end >= 0) yield { text: i === 0 ? part : part.slice(end + 3), literal: false };
  }
}

const xmlText = (raw: string): string =>
  [...sections(raw)].map(({ text, literal }) => (literal ? text : decodeReferences(text))).join("");

/** Elements are HTML already; only CDATA among them is not. */
const xhtmlText = (raw: string): string =>
  htmlToText(
    [...sections(raw)]
      .map(({ text, literal }) =>
        literal ? text.replaceAll("&", "&amp;").replaceAll("<", "&lt;") : text,
      )
      .join(""),
  );

const plain = (node: Node | undefined): string => xmlText(node?.["#text"] ?? "").trim();
/** RSS does not say whether a text is HTML; nearly all of it is. */
const html = (node: Node | undefined): string => htmlToText(xmlText(node?.["#text"] ?? ""));

/** Atom says what a text is; what is neither text nor HTML, or lies elsewhere, is none. */
function construct(node: Node | undefined): string {
  if (!node || node["@_src"] !== undefined) return "";
  switch (node["@_type"] ?? "text") {
    case "text":
    case "text/plain":
      return plain(node);
    case "html":
    case "text/html":
      return html(node);
    case "xhtml":
    case "application/xhtml+xml":
      return xhtmlText(node["#text"]);
    default:
      return "";
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

function isoTime(...texts: string[]): string | undefined {
  for (const text of texts) {
    const time = text === "" ? Number.NaN : Date.parse(text);
    // Years of four digits: others are slips of the clock.
    if (time > 0 && time < Date.UTC(10_000, 0)) return new Date(time).toISOString();
  }
  return undefined;
}

function item(
  fields: Omit<FeedItem, "link" | "author" | "published">,
  link: string,
  author: string,
  published: string | undefined,
): FeedItem {
  return {
    ...fields,
    key: fields.key || link || fields.title,
    ...(link && { link }),
    ...(author && { author }),
    ...(published && { published }),
  };
}

function fromRss(raw: z.infer<typeof Item>): FeedItem {
  const guid = plain(raw.guid[0]);
  const permalink = raw.guid[0]?.["@_isPermaLink"] !== "false" && /^https?:\/\//.test(guid);
  const link = plain(raw.link[0]) || (permalink ? guid : "");
  return item(
    {
      key: guid,
      title: oneLine(html(raw.title[0])),
      summary: html(raw.description[0]),
      content: html(raw["content:encoded"][0]),
    },
    link,
    // `author` is an e-mail address in RSS; the name that most feeds give stands here.
    oneLine(plain(raw["dc:creator"][0])),
    isoTime(plain(raw.pubDate[0]), plain(raw["dc:date"][0])),
  );
}

function fromAtom(raw: z.infer<typeof Entry>): FeedItem {
  const link = raw.link.find(({ "@_rel": rel }) => rel === undefined || rel === "alternate");
  return item(
    {
      key: plain(raw.id[0]),
      title: oneLine(construct(raw.title[0])),
      summary: construct(raw.summary[0]),
      content: construct(raw.content[0]),
    },
    decodeReferences(link?.["@_href"] ?? "").trim(),
    oneLine(plain(raw.author[0]?.name[0])),
    isoTime(plain(raw.published[0]), plain(raw.updated[0])),
  );
}

const bad = (at: string, why: string): TwainError =>
  new TwainError("collect/bad-feed", `${at} is no RSS 2.0 or Atom feed: ${why.slice(0, 200)}`, {
    hint: "Open the address in a browser; if the feed itself is broken, leave it out of data.sources.",
  });

/** Items in the feed's order; `at` names the feed. Throws `collect/bad-feed`. */
export function readFeed(xml: string, at: string): FeedItem[] {
  // Declared entities have no use in a feed but to blow up or to read files.
  if ([...sections(xml)].some(({ text, literal }) => !literal && text.includes("<!ENTITY")))
    throw bad(at, "it declares entities");
  let value: unknown;
  try {
    value = parser.parse(xml, true);
  } catch (error) {
    throw bad(at, error instanceof Error ? error.message : String(error));
  }
  const root = Root.safeParse(value);
  if (!root.success) throw bad(at, "it has neither rss/channel nor feed");
  return "rss" in root.data
    ? root.data.rss[0].channel[0].item.map(fromRss)
    : root.data.feed[0].entry.map(fromAtom);
}
