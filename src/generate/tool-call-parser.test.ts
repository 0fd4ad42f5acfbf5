/** Cutting the text anywhere changes nothing; broken calls are never calls. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChatDelta, ToolCall } from "../core/chat.ts";
import { isJsonObject } from "../core/json.ts";
import { type ParsedTurn, createToolCallParser } from "./tool-call-parser.ts";

function parse(
  chunks: Iterable<string>,
  style: "tags" | "none" = "tags",
): ParsedTurn & { all: ChatDelta[] } {
  let made = 0;
  const parser = createToolCallParser(style, () => `call_${++made}`);
  const all: ChatDelta[] = [];
  for (const chunk of chunks) all.push(...parser.push(chunk));
  const turn = parser.end();
  return { ...turn, all: [...all, ...turn.deltas] };
}

/** A turn as a streaming client puts it together: calls whose arguments are not JSON are void. */
function reassemble(deltas: readonly ChatDelta[]): Pick<ParsedTurn, "content" | "toolCalls"> {
  let content = "";
  const calls = new Map<number, { id: string; name: string; text: string }>();
  for (const delta of deltas) {
    if (delta.type === "text") content += delta.text;
    else if (delta.type === "tool-call") {
      expect(calls.has(delta.index)).toBe(false);
      calls.set(delta.index, { id: delta.id, name: delta.name, text: "" });
    } else calls.get(delta.index)!.text += delta.text;
  }
  const toolCalls = [...calls.values()].flatMap(({ id, name, text }): ToolCall[] => {
    try {
      const value: unknown = JSON.parse(text);
      return isJsonObject(value) ? [{ id, name, arguments: value }] : [];
    } catch {
      return [];
    }
  });
  return { content: content === "" && toolCalls.length > 0 ? null : content, toolCalls };
}

const call =
  '<tool_call>{"name":"get_weather","arguments":{"location":"St. Louis, \\"MO\\"","date":"tomorrow"}}</tool_call>';
const texts = [
  call,
  `Let me look.\n${call}\n${call}`,
  '<tool_call>\n{"name": "get_current_weather", "arguments": {"location": "A}{]["}}\n</tool_call>\n',
  '<tool_call>{"name":"now"}</tool_call><tool_call>{"name":"now","arguments":{}}</tool_call>',
  '<tool_call>{"arguments":{"days":3},"name":"get_forecast"}</tool_call>',
  '<tool_call>{"name":"a","id":7,"arguments":{"x":[1,{"y":null}]}}</tool_call>',
  '<tool_call>{"name":"a","arguments":{"x":1}}',
  '<tool_call>{"name":"a","arguments":{"x":1}}</tool_',
  '<tool_call>{"name":"a","arguments":{"x":1',
  '<tool_call>{"name":"a","arguments":{"x":1}} trailing}</tool_call> and text',
  '<tool_call>{"name":"a","arguments":{x:1}}</tool_call>' + call,
  '<tool_call>{"name":"a","arguments":"{\\"x\\":1}"}</tool_call>',
  '<tool_call>{"name":"a","arguments":null}</tool_call>',
  '<tool_call>{"name":"a","name":"b","arguments":{}}</tool_call>',
  '<tool_call>{"name":"a","arguments":{},"arguments":{"x":1}}</tool_call>',
  '<tool_call>{"name":"","arguments":{}}</tool_call>',
  "<tool_call><tool_call>{}</tool_call></tool_call>",
  "<tool_call></tool_call>",
  "2 < 3 <tool <tool_call",
  'Like this:\n```json\n{"name":"get_weather","arguments":{"location":"Rome"}}\n```\n',
  "</tool_call> stray",
  "",
  "  \n",
  "plain words ",
];

const fragments = fc
  .array(
    fc.constantFrom(
      "<tool_call>",
      "</tool_call>",
      "<tool",
      '{"name":"a"',
      ',"arguments":',
      "{",
      "}",
      '"',
      "\\",
      '"x":1',
      " ",
      "\n",
      "text",
      call,
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("cutting", () => {
  test("at every point, and into every chunk size, gives the same turn", () => {
    for (const text of texts) {
      const { deltas: _, all: __, ...whole } = parse([text]);
      const same = (chunks: string[]): void => {
        const { deltas: ___, all, ...turn } = parse(chunks);
        expect(turn).toEqual(whole);
        expect(reassemble(all)).toEqual({ content: whole.content, toolCalls: whole.toolCalls });
      };
      for (let at = 0; at <= text.length; at++) same([text.slice(0, at), text.slice(at)]);
      for (let size = 1; size <= text.length; size++) {
        same(
          Array.from({ length: Math.ceil(text.length / size) }, (_____, i) =>
            text.slice(i * size, (i + 1) * size),
          ),
        );
      }
    }
  });

  test("random text, random cuts", () => {
    fc.assert(
      fc.property(fragments, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
        const points = [
          ...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length]),
        ].toSorted((a, b) => a - b);
        const chunks = points.slice(1).map((end, i) => text.slice(points[i], end));
        const whole = parse([text]);
        const turn = parse(chunks);
        expect(turn.content).toBe(whole.content);
        expect(turn.malformedCall).toBe(whole.malformedCall);
        expect(turn.toolCalls).toEqual(whole.toolCalls);
        expect(reassemble(turn.all)).toEqual({
          content: whole.content,
          toolCalls: whole.toolCalls,
        });
      }),
      { numRuns: 2000 },
    );
  });
});

test("calls, their order and the text around them", () => {
  const turn = parse([`Let me look.\n${call}\n<tool_call>{"name":"now"}</tool_call>\n`]);
  expect(turn.content).toBe("Let me look.");
  expect(turn.toolCalls).toEqual([
    {
      id: "call_1",
      name: "get_weather",
      arguments: { location: 'St. Louis, "MO"', date: "tomorrow" },
    },
    { id: "call_2", name: "now", arguments: {} },
  ]);
  expect(turn.malformedCall).toBeUndefined();
  expect(parse([call]).content).toBeNull();
});

test("the name comes as soon as it is complete, arguments as they grow", () => {
  const parser = createToolCallParser("tags", () => "id");
  expect(parser.push('<tool_call>{"name":"get_wea')).toEqual([]);
  expect(parser.push('ther"')).toEqual([
    { type: "tool-call", index: 0, id: "id", name: "get_weather" },
  ]);
  expect(parser.push(',"arguments":{"loc')).toEqual([
    { type: "tool-arguments", index: 0, text: '{"loc' },
  ]);
  expect(parser.push('ation":"Rome"}}</tool')).toEqual([
    { type: "tool-arguments", index: 0, text: 'ation":"Rome"' },
  ]);
  expect(parser.push("_call>")).toEqual([{ type: "tool-arguments", index: 0, text: "}" }]);
});

test("text is not held back longer than a tag could be", () => {
  const parser = createToolCallParser("tags", () => "id");
  expect(parser.push("a <tool")).toEqual([{ type: "text", text: "a" }]);
  expect(parser.push("box")).toEqual([{ type: "text", text: " <toolbox" }]);
});

test("parameterless is {} on the wire, and a stop right after the JSON is a call", () => {
  expect(parse(['<tool_call>{"name":"now"}</tool_call>']).all).toContainEqual({
    type: "tool-arguments",
    index: 0,
    text: "{}",
  });
  expect(parse(['<tool_call>{"name":"a","arguments":{"x":1}}']).toolCalls).toHaveLength(1);
});

test("broken markup is content and malformedCall, never a call", () => {
  for (const text of [
    '<tool_call>{"name":"a","arguments":{x:1}}</tool_call>',
    '<tool_call>{"name":"a","arguments":"{}"}</tool_call>',
    '<tool_call>{"name":"a","arguments":{"x":1}',
    "<tool_call>get_weather(Rome)</tool_call>",
    "<tool_call></tool_call>",
    '<tool_call>[{"name":"a","arguments":{}}]</tool_call>',
  ]) {
    expect(parse([text])).toMatchObject({ content: text, malformedCall: text, toolCalls: [] });
  }
});

test("JSON in a code fence is prose; without tools everything is", () => {
  const fence = '```json\n{"name":"get_weather","arguments":{"location":"Rome"}}\n```';
  expect(parse([fence])).toMatchObject({ content: fence, toolCalls: [] });
  expect(parse([call], "none")).toMatchObject({ content: call, toolCalls: [] });
});
