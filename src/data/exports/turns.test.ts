import { expect, test } from "vitest";
import type { Message } from "../../core/chat.ts";
import { conversation, twoCalls } from "./test-conversations.ts";
import { turnsOf } from "./turns.ts";

const user: Message = { role: "user", content: "?" };
const said: Message = { role: "assistant", content: "!" };
const called = (...ids: string[]): Message => ({
  role: "assistant",
  content: null,
  toolCalls: ids.map((id) => ({ id, name: "f", arguments: {} })),
});
const result = (id: string, content = "r"): Message => ({ role: "tool", content, toolCallId: id });
const turns = (...messages: Message[]) => turnsOf(conversation(messages));

test("calls stand together with their results", () => {
  expect(turnsOf(twoCalls)).toMatchObject([
    { kind: "said", role: "system" },
    { kind: "said", role: "user" },
    {
      kind: "called",
      text: null,
      calls: [
        { id: "call_1", arguments: { location: "Hannibal" }, result: /Missouri/ },
        { id: "call_2", arguments: { location: "Atlantis" }, result: /not_found/ },
      ].map((each) => ({ ...each, result: expect.stringMatching(each.result) })),
    },
    { kind: "said", role: "assistant", content: "Hannibal: 62, and it exists." },
  ]);
});

test("results find their calls by id, in whatever order they came", () => {
  expect(turns(user, called("a", "b"), result("b", "B"), result("a", "A"), said)).toMatchObject([
    {},
    {
      calls: [
        { id: "a", result: "A" },
        { id: "b", result: "B" },
      ],
    },
    {},
  ]);
});

test("one id may serve again in a later turn", () => {
  expect(
    turns(user, called("a"), result("a", "1"), called("a"), result("a", "2"), said),
  ).toMatchObject([{}, { calls: [{ result: "1" }] }, { calls: [{ result: "2" }] }, {}]);
});

test.each<[string, Message[]]>([
  ["no user turn", [said]],
  ["not ended by the assistant", [user, said, user]],
  ["not ended by the assistant", [user, called("a"), result("a")]],
  ["a call without exactly one result", [user, called("a"), said]],
  ["a call without exactly one result", [user, called("a"), result("a"), result("a"), said]],
  ["a call without exactly one result", [user, called("a"), user, result("a"), said]],
  ["a result without its call", [user, result("a"), said]],
  ["a result without its call", [user, said, result("a"), said]],
  ["a result without its call", [user, called("a"), result("a"), result("b"), said]],
  ["an assistant turn with neither text nor calls", [user, { role: "assistant", content: null }]],
  [
    "arguments that are not a JSON object",
    [
      user,
      { role: "assistant", content: null, toolCalls: [{ id: "a", name: "f", arguments: "{" }] },
      result("a"),
      said,
    ],
  ],
])("left out: %s", (leftOut, messages) => {
  expect(turns(...messages)).toEqual({ leftOut });
});
