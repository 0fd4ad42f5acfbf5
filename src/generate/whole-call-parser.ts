/**
 * Tool calls of models that end their turn with bare JSON: Llama 3.1 (`{"name":…,"parameters":…}`,
 * nothing before it) and Mistral (`[TOOL_CALLS] [{"name":…,"arguments":…}]`). What follows the mark
 * is held until the turn ends: only then is it known to be a call.
 */
import type { ChatDelta, ToolCall } from "../core/chat.ts";
import { type JsonObject, isJsonObject } from "../core/json.ts";
import type { ToolCallParser } from "./tool-call-parser.ts";

interface Dialect {
  /** Where the call markup begins; `undecided` characters at the end may still become a mark. */
  find(text: string): { at: number } | { undecided: number };
  /** The JSON within the markup. */
  json(markup: string): string;
  argumentsKey: string;
  /** Whether markup that is not a call was meant as one. */
  meant(markup: string): boolean;
}

const pythonTag = "<|python_tag|>";
const mark = "[TOOL_CALLS]";

const partialMark = (text: string): number => {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (mark.startsWith(text.slice(-length))) return length;
  }
  return 0;
};

export const llamaDialect: Dialect = {
  find(text) {
    const start = text.trimStart();
    if (start.startsWith("{") || start.startsWith(pythonTag)) return { at: 0 };
    return { undecided: pythonTag.startsWith(start) ? text.length : 0 };
  },
  json: (markup) => markup.trim().replace(pythonTag, ""),
  argumentsKey: "parameters",
  // An answer may be JSON in its own right; only what names a tool was meant as a call.
  meant: (markup) => markup.includes(pythonTag) || /^\s*\{\s*"name"\s*:/.test(markup),
};

export const mistralDialect: Dialect = {
  find(text) {
    const at = text.indexOf(mark);
    return at >= 0 ? { at } : { undecided: partialMark(text) };
  },
  json: (markup) => markup.slice(mark.length),
  argumentsKey: "arguments",
  meant: () => true,
};

/** The calls in a piece of JSON, or undefined where it is anything else. */
function readCalls(
  text: string,
  key: string,
): { name: string; arguments: JsonObject }[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const calls = [];
  for (const entry of Array.isArray(value) ? (value as unknown[]) : [value]) {
    if (typeof entry !== "object" || entry === null) return undefined;
    const { name, [key]: args = {} } = entry as Record<string, unknown>;
    if (typeof name !== "string" || name === "" || !isJsonObject(args)) return undefined;
    calls.push({ name, arguments: args });
  }
  return calls.length > 0 ? calls : undefined;
}

/** A parser for one turn of a model of this dialect. */
export function createWholeCallParser(dialect: Dialect, newId: () => string): ToolCallParser {
  let content = "";
  let buffer = "";
  let inCall = false;
  /** Llama's markup stands at the beginning of a turn or nowhere. */
  let begun = false;
  const say = (text: string): ChatDelta[] => {
    content += text;
    begun ||= text !== "";
    return text === "" ? [] : [{ type: "text", text }];
  };
  return {
    push(text) {
      buffer += text;
      if (inCall) return [];
      const found = begun && dialect === llamaDialect ? { undecided: 0 } : dialect.find(buffer);
      inCall = "at" in found;
      const ready = "at" in found ? found.at : buffer.length - found.undecided;
      const deltas = say(buffer.slice(0, ready));
      buffer = buffer.slice(ready);
      return deltas;
    },
    end() {
      const calls = inCall ? readCalls(dialect.json(buffer), dialect.argumentsKey) : undefined;
      if (!calls) {
        const malformed = inCall && dialect.meant(buffer);
        const deltas = say(buffer);
        return { deltas, content, toolCalls: [], ...(malformed && { malformedCall: buffer }) };
      }
      const toolCalls = calls.map((call): ToolCall => ({ id: newId(), ...call }));
      const deltas = toolCalls.flatMap(({ id, name, arguments: args }, index): ChatDelta[] => [
        { type: "tool-call", index, id, name },
        { type: "tool-arguments", index, text: JSON.stringify(args) },
      ]);
      return { deltas, content: content.trim() === "" ? null : content, toolCalls };
    },
  };
}
