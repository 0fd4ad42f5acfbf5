/** HTML as feeds carry it, to plain text. Linear in its input, whatever that is; nothing is run or fetched. */
import { decodeText } from "./decode-text.ts";

/** U+00A0 to U+00FF in order. */
const LATIN =
  "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";
const OTHERS =
  "amp& lt< gt> quot\" apos' ndash– mdash— lsquo‘ rsquo’ sbquo‚ ldquo“ rdquo” bdquo„ hellip… bull• euro€ trade™ prime′ Prime″ lsaquo‹ rsaquo› dagger† Dagger‡ OElig\u0152 oelig\u0153 Scaron\u0160 scaron\u0161 Yuml\u0178 minus− permil‰ ensp\u2002 emsp\u2003 thinsp\u2009 zwnj\u200C zwj\u200D";
const NAMED = new Map([
  ...LATIN.split(" ").map((name, i) => [name, String.fromCodePoint(0xa0 + i)] as const),
  ...OTHERS.split(" ").map((entry) => [entry.slice(0, -1), entry.slice(-1)] as const),
]);

/** These begin a new line; other tags stand inside a word. */
const BLOCK =
  /^(?:p|br|hr|div|h[1-6]|ul|ol|li|dl|dt|dd|table|tr|td|th|blockquote|pre|section|article|header|footer|figure|figcaption)$/i;
/** What stands between such tags is no text. */
const HIDDEN = /^(?:script|style|iframe|template|svg|noscript|object|head)$/i;

function fromCode(code: number, all: string): string {
  // Typists mean windows-1252 by these numbers, and browsers read them so.
  if (code >= 0x80 && code <= 0x9f) return decodeText(Uint8Array.of(code)).text;
  const valid =
    code === 9 ||
    code === 10 ||
    (code > 31 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff));
  return valid ? String.fromCodePoint(code) : all;
}

/** One level of character references; unknown ones stay. */
export function decodeReferences(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z][a-z\d]{1,15}));/gi,
    (all: string, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED.get(name) ?? all;
      return fromCode(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal), all);
    },
  );
}

/** Index after the tag's `>`, quoted attributes skipped; -1 where it never closes. */
function endOfTag(html: string, from: number): number {
  let quote = "";
  for (let i = from; i < html.length; i++) {
    const char = html[i]!;
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === ">") return i + 1;
    else if ((char === '"' || char === "'") && html[i - 1] === "=") quote = char;
  }
  return -1;
}

/** Text with a newline for each block; tags, comments and scripts left out, references decoded. */
export function htmlToText(html: string): string {
  const parts: string[] = [];
  let at = 0;
  while (at >= 0 && at < html.length) {
    const open = html.indexOf("<", at);
    parts.push(html.slice(at, open < 0 ? undefined : open));
    if (open < 0) break;
    if (html.startsWith("<!--", open)) {
      const end = html.indexOf("-->", open + 4);
      at = end < 0 ? -1 : end + 3;
      continue;
    }
    if (!/^<[a-z/!?]/i.test(html.slice(open, open + 2))) {
      parts.push("<");
      at = open + 1;
      continue;
    }
    const name = /^[a-z\d]*/i.exec(html.slice(open + 1, open + 20))![0];
    at = endOfTag(html, open + 1);
    const closing =
      html[open + 1] === "/" ? /^[a-z\d]*/i.exec(html.slice(open + 2, open + 20))![0] : "";
    if (BLOCK.test(name) || BLOCK.test(closing)) parts.push("\n");
    if (at > 0 && HIDDEN.test(name) && html[at - 2] !== "/") {
      const close = new RegExp(`</${name}\\b`, "gi");
      close.lastIndex = at;
      at = close.exec(html)?.index ?? -1;
    }
  }
  return decodeReferences(parts.join(""))
    .split("\n")
    .map((line) => line.replaceAll(/\s+/g, " ").trim())
    .filter((line) => line !== "")
    .join("\n");
}
