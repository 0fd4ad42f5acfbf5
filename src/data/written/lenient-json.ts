/** JSON as language models write it: in a code fence, after a remark, with raw line breaks or a comma too many. */
import { type JsonObject, isJsonObject } from "../../core/json.ts";

/** What a model thinks aloud comes before what it says. */
const THOUGHTS = /<think(?:ing)?>[\s\S]*?<\/think(?:ing)?>/g;
const FENCE = /```(?:json)?\s*([\s\S]*?)```/;
/** Longer answers are not searched. */
const MAX_LENGTH = 200_000;

/** The first object of a text, from its brace to the one that closes it; braces within strings do not count. */
function firstObject(text: string): string | undefined {
  const start = text.indexOf("{");
  if (start < 0) return undefined;
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === "\\") i++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return text.slice(start, i + 1);
  }
  return undefined;
}

/** Line breaks and tabs within strings written as escapes; commas before a closing bracket left out. */
function mended(text: string): string {
  return text.replace(/"(?:[^"\\]|\\[\s\S])*"|,(?=\s*[}\]])/g, (part) =>
    part === ","
      ? ""
      : part.replace(/[\n\r\t]/g, (raw) => (raw === "\n" ? "\\n" : raw === "\t" ? "\\t" : "")),
  );
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The JSON object of an answer; undefined where it holds none, such as prose. */
export function lenientJson(answer: string): JsonObject | undefined {
  if (answer.length > MAX_LENGTH) return undefined;
  const said = answer.replace(THOUGHTS, "").trim();
  for (const part of [said, FENCE.exec(said)?.[1]?.trim(), firstObject(said)]) {
    if (part === undefined) continue;
    const found = parseObject(part) ?? parseObject(mended(part));
    if (found) return found;
  }
  return undefined;
}
