/**
 * Finds tool calls in generated text while it arrives: `<tool_call>{json}</tool_call>` becomes call
 * deltas, everything else stays text. The result does not depend on how the text was cut.
 */
import type { ChatDelta, ToolCall } from "../core/chat.ts";
import { type JsonValue, canonicalJson, isJsonObject } from "../core/json.ts";
import type { ToolCallStyle } from "../tokenizer/chat-template.ts";
import { createWholeCallParser, llamaDialect, mistralDialect } from "./whole-call-parser.ts";

export interface ParsedTurn {
  /** What was still held back. */
  deltas: ChatDelta[];
  content: string | null;
  toolCalls: ToolCall[];
  /** The first markup that was not a JSON object with a name and an arguments object. */
  malformedCall?: string;
}

export interface ToolCallParser {
  push(text: string): ChatDelta[];
  /**
   * Ends the turn. A call that had begun to stream and then broke is not among `toolCalls`; its
   * streamed arguments are not valid JSON, and its markup follows as text.
   */
  end(): ParsedTurn;
}

const open = "<tool_call>";
const close = "</tool_call>";

/** How many characters at the end of `text` could be the beginning of `tag`. */
function partial(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (tag.startsWith(text.slice(-length))) return length;
  }
  return 0;
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

const namePattern = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)+")/s;
const argumentsPattern = /^\s*,\s*"arguments"\s*:\s*(?=\{)/;

/** One call between its tags. */
interface CallReader {
  push(text: string): ChatDelta[];
  /** The call, or undefined where the markup is not one; and the deltas that complete it. */
  finish(): { call: ToolCall | undefined; deltas: ChatDelta[] };
  readonly raw: string;
  /** Whether deltas of this call have been given out. */
  readonly begun: boolean;
}

function readCall(index: number, newId: () => string): CallReader {
  let raw = "";
  let id: string | undefined;
  let name: string | undefined;
  /** Where the arguments object begins in `raw`, once its opening brace is seen. */
  let start: number | undefined;
  /** Up to where `raw` was scanned, and given out. */
  let scanned = 0;
  let sent = 0;
  let depth = 0;
  let inString = false;
  let escaped = false;

  /** Advances to the brace that closes the arguments object, or to the end of what is here. */
  const scan = (): void => {
    for (; scanned < raw.length; scanned++) {
      const character = raw[scanned]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (character === "\\") escaped = true;
        else if (character === '"') inString = false;
      } else if (character === '"') inString = true;
      else if (character === "{" || character === "[") depth++;
      else if (character === "}" || character === "]") {
        depth--;
        // The last brace is held back until the whole call has proved right.
        if (depth === 0) return;
      }
    }
  };
  const begin = (given: string): ChatDelta => {
    name = given;
    id = newId();
    return { type: "tool-call", index, id, name };
  };

  return {
    get raw() {
      return raw;
    },
    get begun() {
      return id !== undefined;
    },
    push(text) {
      raw += text;
      const deltas: ChatDelta[] = [];
      if (start === undefined) {
        const head = namePattern.exec(raw);
        if (!head) return [];
        const given = parseJson(head[1]!);
        if (typeof given !== "string") return [];
        if (id === undefined) deltas.push(begin(given));
        const rest = argumentsPattern.exec(raw.slice(head[0].length));
        if (!rest) return deltas;
        start = scanned = sent = head[0].length + rest[0].length;
      }
      if (depth > 0 || scanned === start) scan();
      if (scanned > sent) {
        deltas.push({ type: "tool-arguments", index, text: raw.slice(sent, scanned) });
        sent = scanned;
      }
      return deltas;
    },
    finish() {
      const value = parseJson(raw);
      const broken = { call: undefined, deltas: [] };
      if (!isJsonObject(value) || typeof value["name"] !== "string" || value["name"] === "")
        return broken;
      const args = Object.hasOwn(value, "arguments") ? value["arguments"] : {};
      if (!isJsonObject(args)) return broken;
      // With a key twice, the last counts; what was streamed must be what counts.
      if (name !== undefined && name !== value["name"]) return broken;
      const streamed = start === undefined ? undefined : parseJson(raw.slice(start, scanned + 1));
      if (start !== undefined && canonicalJson(streamed) !== canonicalJson(args)) return broken;

      const deltas: ChatDelta[] = id === undefined ? [begin(value["name"])] : [];
      const text = start === undefined ? JSON.stringify(args) : raw.slice(sent, scanned + 1);
      deltas.push({ type: "tool-arguments", index, text });
      return { call: { id: id!, name: value["name"], arguments: args }, deltas };
    },
  };
}

/** Text as it is, for models without tool calls. */
function plainParser(): ToolCallParser {
  let content = "";
  return {
    push(text) {
      content += text;
      return text === "" ? [] : [{ type: "text", text }];
    },
    end: () => ({ deltas: [], content, toolCalls: [] }),
  };
}

function tagParser(newId: () => string): ToolCallParser {
  const toolCalls: ToolCall[] = [];
  let malformedCall: string | undefined;
  let content = "";
  /** Not yet decided: it may be the beginning of a tag. */
  let buffer = "";
  /** White space that is dropped when a call follows: markup's, not the answer's. */
  let space = "";
  let index = 0;
  let call: CallReader | undefined;

  const say = (text: string): ChatDelta[] => {
    const whole = space + text;
    const kept = whole.trimEnd();
    space = whole.slice(kept.length);
    content += kept;
    return kept === "" ? [] : [{ type: "text", text: kept }];
  };
  const finishCall = (reader: CallReader, closing: string): ChatDelta[] => {
    const { call: made, deltas } = reader.finish();
    if (made || reader.begun) index++;
    if (made) {
      toolCalls.push(made);
      space = "";
      return deltas;
    }
    const markup = `${open}${reader.raw}${closing}`;
    malformedCall ??= markup;
    return say(markup);
  };

  const push = (text: string): ChatDelta[] => {
    buffer += text;
    const deltas: ChatDelta[] = [];
    for (;;) {
      const tag = call ? close : open;
      const at = buffer.indexOf(tag);
      const ready = at >= 0 ? at : buffer.length - partial(buffer, tag);
      const part = buffer.slice(0, ready);
      deltas.push(...(call ? call.push(part) : say(part)));
      if (at < 0) {
        buffer = buffer.slice(ready);
        return deltas;
      }
      buffer = buffer.slice(at + tag.length);
      if (call) {
        deltas.push(...finishCall(call, close));
        call = undefined;
      } else call = readCall(index, newId);
    }
  };
  return {
    push,
    end() {
      const deltas: ChatDelta[] = [];
      if (call) {
        // A model may stop right after the JSON; anything less is broken, the half tag included.
        deltas.push(...call.push(buffer), ...finishCall(call, ""));
      } else deltas.push(...say(buffer));
      buffer = "";
      call = undefined;
      if (toolCalls.length === 0 && space !== "") {
        content += space;
        deltas.push({ type: "text", text: space });
      }
      return {
        deltas,
        content: content === "" && toolCalls.length > 0 ? null : content,
        toolCalls,
        ...(malformedCall !== undefined && { malformedCall }),
      };
    },
  };
}

/** A parser for one turn; `newId` names the calls (`call_1`, `call_2` …). */
export function createToolCallParser(style: ToolCallStyle, newId: () => string): ToolCallParser {
  switch (style) {
    case "tags":
      return tagParser(newId);
    case "llama-json":
      return createWholeCallParser(llamaDialect, newId);
    case "mistral":
      return createWholeCallParser(mistralDialect, newId);
    case "none":
      return plainParser();
  }
}
