import fc from "fast-check";
import { expect, test } from "vitest";
import { mcp, type McpRow } from "./mcp.ts";
import {
  anythingBeside,
  conversation,
  conversations,
  talk,
  twoCalls,
} from "./test-conversations.ts";
import { reason, written } from "./test-write.ts";

test("calls are tools/call requests, results their responses", () => {
  const row = written(mcp, twoCalls);
  expect(row.systemPrompt).toBe("[twain]");
  const [tool] = twoCalls.tools!;
  expect(row.tools).toEqual([
    { name: tool!.name, description: tool!.description, inputSchema: tool!.parameters },
  ]);
  const request = (id: number, location: string) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "get_forecast", arguments: { location, days: 2 } },
  });
  expect(row.messages).toEqual([
    { role: "user", content: { type: "text", text: "Hannibal or Atlantis?" } },
    request(1, "Hannibal"),
    request(2, "Atlantis"),
    {
      jsonrpc: "2.0",
      id: 1,
      result: {
        content: [{ type: "text", text: '{"location":"Hannibal, Missouri","high":62}' }],
        structuredContent: { location: "Hannibal, Missouri", high: 62 },
      },
    },
    {
      jsonrpc: "2.0",
      id: 2,
      result: {
        content: [
          { type: "text", text: '{"error":"location_not_found","message":"no such place"}' },
        ],
        isError: true,
      },
    },
    { role: "assistant", content: { type: "text", text: "Hannibal: 62, and it exists." } },
  ]);
});

test("without a system message or tools their keys are absent", () => {
  expect(Object.keys(written(mcp, talk))).toEqual(["messages"]);
});

test("a system message in the middle has no place", () => {
  const late = conversation([...talk.messages, { role: "system", content: "s" }, ...talk.messages]);
  expect(reason(mcp, late)).toBe("a system message after the first turn");
});

const requests = ({ messages }: McpRow) =>
  messages.flatMap((message) => ("method" in message ? [message] : []));
const responses = ({ messages }: McpRow) =>
  messages.flatMap((message) => ("result" in message ? [message] : []));

test("every request has an id of its own and one response after it, with the words of the tool", () => {
  fc.assert(
    fc.property(conversations(anythingBeside), (row) => {
      const exported = written(mcp, row);
      const asked = requests(exported);
      const answered = responses(exported);
      expect(new Set(asked.map(({ id }) => id)).size).toBe(asked.length);
      expect(answered.map(({ id }) => id)).toEqual(asked.map(({ id }) => id));
      for (const request of asked) {
        const at = exported.messages.findIndex(
          (each) => "result" in each && each.id === request.id,
        );
        expect(at).toBeGreaterThan(exported.messages.indexOf(request));
      }
      expect(answered.map(({ result }) => result.content[0]?.text)).toEqual(
        row.messages.filter(({ role }) => role === "tool").map(({ content }) => content),
      );
      expect(asked.map(({ params }) => params)).toEqual(
        row.messages.flatMap((message) =>
          message.role === "assistant"
            ? (message.toolCalls ?? []).map(({ name, arguments: args }) => ({
                name,
                arguments: args,
              }))
            : [],
        ),
      );
    }),
  );
});
