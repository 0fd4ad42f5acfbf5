/** Every way to be wrong, in a call and in an answer. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Chat } from "../../core/chat.ts";
import { TwainError } from "../../core/errors.ts";
import type { ToolCase } from "../../core/tool-case.ts";
import {
  type Result,
  type Script,
  caseOf,
  cases,
  cityOf,
  gold,
  makeCalls,
  say,
  scripted,
  system,
  testEvaluation,
  valueOf,
} from "../test-evaluation.ts";

const { run, write, remove } = testEvaluation();
beforeAll(write);
afterAll(remove);

const mutate = (
  change: (first: ToolCase["expected"][number]) => { name: string; arguments: unknown },
): Script => ({
  calls: ([first, ...rest]) => makeCalls([change(first!) as ToolCase["expected"][number], ...rest]),
});

describe("every mutation of every gold call is caught", () => {
  const mutations: [string, Script, string][] = [
    [
      "an extra argument",
      mutate((made) => ({
        ...made,
        arguments: { ...made.arguments, units: made.arguments["units"] ? "fahrenheit" : "celsius" },
      })),
      "wrong-args",
    ],
    [
      "an argument that no schema has",
      mutate((made) => ({ ...made, arguments: { ...made.arguments, hour: 3 } })),
      "schema",
    ],
    [
      "a wrong value",
      mutate((made) => ({ ...made, arguments: { ...made.arguments, location: "Buffalo" } })),
      "wrong-args",
    ],
    [
      "a wrong type",
      mutate((made) => ({ ...made, arguments: { ...made.arguments, location: 7 } })),
      "schema",
    ],
    ["a missing argument", mutate((made) => ({ ...made, arguments: {} })), "schema"],
    [
      "a tool that is not offered",
      mutate((made) => ({ ...made, name: "get_tides" })),
      "wrong-tool",
    ],
    [
      "text for arguments",
      mutate((made) => ({ ...made, arguments: JSON.stringify(made.arguments) })),
      "invalid-json",
    ],
    [
      "the call twice",
      { calls: (expected) => makeCalls([...expected, expected[0]!]) },
      "extra-call",
    ],
    ["no call", { calls: () => say("It will surely rain.") }, "no-call"],
    [
      "broken markup",
      { calls: () => ({ ...say('<tool_call>{"name":'), malformedCall: '<tool_call>{"name":' }) },
      "invalid-json",
    ],
  ];
  test.each(mutations)("%s", async (_, script, outcome) => {
    const { report, samples } = await run([system("adapter", gold(script))], ["tools"]);
    expect(valueOf(report, "call-correct")).toBe(0);
    expect(valueOf(report, "end-to-end")).toBe(0);
    expect(valueOf(report, `outcome/${outcome}`)).toBe(1);
    expect(valueOf(report, "call-valid")).toBe(
      ["wrong-args", "extra-call"].includes(outcome) ? 1 : 0,
    );
    expect(samples.every((sample) => sample.outcome === outcome)).toBe(true);
    expect(report.gates.every((gate) => !gate.pass)).toBe(true);
  });

  test("another tool that is offered, and one call of two", async () => {
    const swap = mutate(({ arguments: args }) => ({
      name: "get_current_weather",
      arguments: { location: args["location"]!, units: "celsius" },
    }));
    const { samples } = await run([system("adapter", gold(swap))], ["tools"]);
    expect(samples.map((sample) => sample.outcome)).not.toContain("extra-call");
    expect(
      samples
        .filter((sample) => ["p1", "b1"].includes(sample.id))
        .every((sample) => sample.outcome === "wrong-tool"),
    ).toBe(true);
    const half = await run(
      [system("adapter", gold({ calls: (expected) => makeCalls(expected.slice(0, 1)) }))],
      ["tools"],
    );
    expect(half.samples.find((sample) => sample.id === "l1")!.outcome).toBe("missing-call");
  });
});

describe("every mutation of every gold answer is caught", () => {
  const numberIn = ({ days, high, temperature }: Result): number =>
    days?.[0]?.high ?? high ?? temperature ?? NaN;
  const mutations: [string, NonNullable<Script["answer"]>][] = [
    [
      "a wrong temperature",
      (text, [first]) => text.replace(String(numberIn(first!)), String(numberIn(first!) + 37)),
    ],
    ["an invented number", (text) => `${text} The humidity is 97.5 percent.`],
    ["an invented storm", (text) => `${text} A blizzard and a hurricane are coming.`],
    [
      "no place",
      (text, results) =>
        results.reduce((left, result) => left.replaceAll(cityOf(result), "there"), text),
    ],
    ["another date", (text) => `${text} That is for 2031-01-01.`],
    ["silence", () => ""],
    ["chatter without weather", () => "I would rather not say."],
  ];
  test.each(mutations)("%s", async (_, answer) => {
    const { report, samples } = await run([system("adapter", gold({ answer }))], ["tools"]);
    expect(valueOf(report, "call-correct")).toBe(1);
    expect(valueOf(report, "answer-grounded")).toBe(0);
    expect(valueOf(report, "end-to-end")).toBe(0);
    expect(samples.every((sample) => sample.outcome === "ungrounded" && sample.note)).toBe(true);
  });

  test("what does not fit into the context is wrong, and the others are asked", async () => {
    const right = gold();
    const chat: Chat = async function* (messages, options) {
      const item = caseOf(messages)!;
      const called = messages.at(-1)!.role === "tool";
      if (item.id === "s1" || (item.id === "f1" && called))
        throw new TwainError("generate/context-overflow", "900 tokens do not fit into 512");
      return yield* right(messages, options);
    };
    const { report, samples } = await run([system("adapter", chat)], ["tools"]);
    expect(samples.find(({ id }) => id === "s1")!.outcome).toBe("no-room");
    expect(samples.find(({ id }) => id === "f1")).toMatchObject({
      outcome: "ungrounded",
      note: "no room for an answer",
    });
    expect(valueOf(report, "end-to-end")).toBeCloseTo(4 / 6, 9);
    expect(valueOf(report, "end-to-end", "adapter", "heldout-phrasing")).toBe(1);
  });

  test("a second call in place of an answer", async () => {
    let turn = 0;
    const chat = scripted((messages) => {
      turn++;
      return makeCalls(caseOf(messages)!.expected);
    });
    const { report } = await run([system("adapter", chat)], ["tools"]);
    expect(valueOf(report, "answer-grounded")).toBe(0);
    expect(turn).toBe(2 * cases.filter(({ expected }) => expected.length > 0).length);
  });
});
