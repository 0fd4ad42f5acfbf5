/**
 * What a web page is about: its main text without menus, notices and captions (Mozilla's Readability over linkedom),
 * and what it says of itself. Nothing on the page is run or fetched.
 */
import { Readability } from "@mozilla/readability";
import { parseHTML } from "linkedom";
import { decodeText } from "./decode-text.ts";

export interface MainContent {
  /** Paragraphs with an empty line between them; a broken line inside one is verse. */
  text: string;
  title?: string;
  author?: string;
  /** ISO date or time, as the page gives it. */
  published?: string;
  /** Where its `rel="license"` leads. */
  declaredLicence?: string;
}

/** The little of a document that is used here. */
interface PageNode {
  nodeType: number;
  nodeName: string;
  textContent: string | null;
  childNodes: Iterable<PageNode>;
}
interface PageElement extends PageNode {
  getAttribute(name: string): string | null;
}
interface PageDocument {
  querySelectorAll(selector: string): Iterable<PageElement>;
}

/** Readability goes over all elements several times. */
const MAX_ELEMENTS = 50_000;
const MAX_DEPTH = 400;
/** Elements that are usually not closed by a tag of their own. */
const UNCLOSED = new Set(
  "p li br hr img input meta link td tr th dd dt option source wbr col area base embed track param path use circle rect polygon polyline ellipse line stop".split(
    " ",
  ),
);
const BLOCKS = new Set(
  "P DIV H1 H2 H3 H4 H5 H6 LI UL OL DL DT DD BLOCKQUOTE SECTION ARTICLE MAIN HEADER FOOTER PRE HR".split(
    " ",
  ),
);
/** No prose, or none that makes sense alone. */
const PASSED_OVER = new Set(
  "SCRIPT STYLE NOSCRIPT TEMPLATE FIGURE FIGCAPTION TABLE FORM BUTTON NAV ASIDE SVG IFRAME SUP".split(
    " ",
  ),
);
const TEXT_NODE = 3;

/** The host's word on the encoding counts where the bytes are not UTF-8. */
export function decodeHtml(bytes: Uint8Array, contentType: string): string {
  const sniffed = decodeText(bytes);
  if (sniffed.encoding !== "windows-1252") return sniffed.text;
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 2048));
  const label = (
    /charset\s*=\s*["']?([\w:.-]+)/i.exec(contentType) ??
    /<meta[^>]{0,200}?charset\s*=\s*["']?([\w:.-]+)/i.exec(head)
  )?.[1];
  try {
    return label === undefined ? sniffed.text : new TextDecoder(label).decode(bytes);
  } catch {
    return sniffed.text;
  }
}

/** How deep a page may nest if every tag stays open until it is closed: too high rather than too low, in one pass. */
function tooMuch(html: string): boolean {
  let elements = 0;
  let depth = 0;
  let deepest = 0;
  for (const [, closing, name] of html.matchAll(/<(\/?)([a-z][a-z\d]*)/gi)) {
    if (!closing) elements++;
    if (UNCLOSED.has(name!.toLowerCase())) continue;
    depth = closing ? Math.max(0, depth - 1) : depth + 1;
    deepest = Math.max(deepest, depth);
  }
  return elements > MAX_ELEMENTS || deepest > MAX_DEPTH;
}

function textOf(root: PageNode): string {
  const paragraphs: string[] = [];
  let current = "";
  const finish = (): void => {
    const lines = current.split("\n").map((line) => line.replaceAll(/\s+/g, " ").trim());
    const text = lines.filter((line) => line !== "").join("\n");
    if (text !== "") paragraphs.push(text);
    current = "";
  };
  const walk = (node: PageNode): void => {
    if (node.nodeType === TEXT_NODE) {
      // A line of the source is no line of the text.
      current += (node.textContent ?? "").replaceAll(/\s+/g, " ");
      return;
    }
    const name = node.nodeName.toUpperCase();
    if (PASSED_OVER.has(name)) return;
    if (name === "BR") current += "\n";
    const block = BLOCKS.has(name);
    if (block) finish();
    for (const child of node.childNodes) walk(child);
    if (block) finish();
  };
  walk(root);
  finish();
  return paragraphs.join("\n\n");
}

/** What a page or its host says against use by programs: `noai`, and TDM reservation (w3.org/community/tdmrep). */
export function reservationOf(html: string, header: string): string | undefined {
  const said = [header.toLowerCase()];
  for (const [tag] of html.slice(0, 200_000).matchAll(/<meta\b[^>]{0,500}>/gi)) {
    const attribute = (name: string): string =>
      new RegExp(`\\b${name}\\s*=\\s*["']?([^"'>]*)`, "i").exec(tag)?.[1]?.trim().toLowerCase() ??
      "";
    const name = attribute("name");
    const content = attribute("content");
    if (name === "robots" || name === "twainbot") said.push(content);
    if (name === "tdm-reservation" && content === "1") said.push("tdm-reservation");
  }
  // `otherbot: noai` is not for us, and `max-image-preview: none` reserves nothing.
  const words = new Set(
    said
      .join(",")
      .split(",")
      .map((each) => each.trim().replace(/^twainbot:\s*/, "")),
  );
  return ["noai", "noml", "none", "tdm-reservation"].find((word) => words.has(word));
}

/** The main content of a page, or why there is none. `url` makes its links absolute. */
export function mainContent(html: string, url: string): MainContent | string {
  if (tooMuch(html)) return "too many elements";
  try {
    const { document } = parseHTML(html) as unknown as { document: PageDocument };
    const attribute = (selector: string, name: string): string | undefined => {
      for (const element of document.querySelectorAll(selector))
        return element.getAttribute(name)?.trim() || undefined;
      return undefined;
    };
    const licence = attribute('link[rel~="license"], a[rel~="license"]', "href");
    const published =
      attribute('meta[property="article:published_time"]', "content") ??
      attribute("article time[datetime], time[datetime]", "datetime");
    // Its type asks for a browser's document; linkedom's is one in all that it uses.
    const article = new Readability<PageNode>(document as never, {
      serializer: (node) => node as unknown as PageNode,
    }).parse();
    if (!article?.content) return "no main content";
    const text = textOf(article.content);
    const author = article.byline
      ?.replace(/^\s*by\s+/i, "")
      .replaceAll(/\s+/g, " ")
      .trim();
    const title = article.title?.replaceAll(/\s+/g, " ").trim();
    return {
      text,
      ...(title && { title }),
      ...(author && author.length < 100 && { author }),
      ...(published && /^\d{4}-\d\d/.test(published) && { published }),
      ...(licence && URL.canParse(licence, url) && { declaredLicence: new URL(licence, url).href }),
    };
  } catch {
    // Whatever the two libraries stumble over, it is the page that is odd.
    return "unreadable page";
  }
}
