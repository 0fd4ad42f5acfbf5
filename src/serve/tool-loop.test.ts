import { describe, expect, test } from "vitest";
import { endlessTool, tableWeather, throwingTool } from "../../test/fakes/weather-like-tools.ts";
import { type Script, type ScriptedTurn, scriptedChat } from "../../test/fakes/scripted-chat.ts";
import type { Message, Tool } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import {
  type ToolLoopEnd,
  type ToolLoopEvent,
  type ToolLoopOptions,
  runToolLoop,
} from "./tool-loop.ts";

const question: Message[] = [{ role: "user", content: "Will it rain in Hannibal?" }];
const forecast = (location: string, id = "call_0") => ({
  id,
  name: "get_forecast",
  arguments: { location },
});

async function play(
  scripts: Script[],
  options: Omit<ToolLoopOptions, "tools"> & { tools?: Tool[] } = {},
) {
  const chat = scriptedChat(scripts);
  const weather = tableWeather();
  const events: ToolLoopEvent[] = [];
  const loop = runToolLoop(chat, question, { tools: [weather.tool], ...options });
  let end: ToolLoopEnd;
  for (;;) {
    const next = await loop.next();
    if (next.done) {
      end = next.value;
      break;
    }
    events.push(next.value);
  }
  return { chat, events, end, ran: weather.log };
}

describe("the tool loop", () => {
  test("runs the call, hands the result back, and answers", async () => {
    const { chat, events, end } = await play([
      { calls: [forecast("Hannibal")] },
      { text: "Light rain, 62." },
    ]);
    expect(events.map((event) => event.type)).toEqual(["call", "result", "text"]);
    expect(end.executed).toMatchObject([
      { id: "call_0", name: "get_forecast", result: { units: "fahrenheit" } },
    ]);
    expect(chat.requests[1]!.messages.slice(1)).toEqual(end.transcript.slice(0, 2));
    expect(end.transcript.map((message) => message.role)).toEqual([
      "assistant",
      "tool",
      "assistant",
    ]);
    const told = chat.requests[1]!.messages.at(-1)!;
    expect(JSON.parse(told.content ?? "")).toEqual(end.executed[0]!.result);
    expect(end.usage).toEqual({ promptTokens: 14, completionTokens: 10, cachedTokens: 0 });
  });

  test("the order of executed calls is that of the model, whichever lands first", async () => {
    const slow: Tool = {
      ...tableWeather().tool,
      run: (_, signal) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => resolve({ slow: true }), 40);
          signal.addEventListener("abort", () => clearTimeout(timer));
        }),
    };
    slow.definition = { ...slow.definition, name: "slow" };
    const weather = tableWeather();
    const { events, end } = await play(
      [
        {
          calls: [{ id: "a", name: "slow", arguments: { location: "x" } }, forecast("Boston", "b")],
        },
        { text: "Both." },
      ],
      { tools: [slow, weather.tool] },
    );
    expect(
      events.map((event) => ("call" in event ? `${event.type} ${event.call.id}` : event.type)),
    ).toEqual(["call a", "call b", "result b", "result a", "text"]);
    expect(end.executed.map((call) => call.id)).toEqual(["a", "b"]);
  });

  test("what the model gets wrong becomes a result that says so, never an exception", async () => {
    const cases: [NonNullable<ScriptedTurn["calls"]>[number], string][] = [
      [{ name: "get_stock_price", arguments: {} }, "unknown_tool"],
      [{ name: "get_forecast", arguments: { location: 5 } }, "invalid_arguments"],
      [{ name: "get_forecast", arguments: "{location: Hannibal" }, "invalid_arguments"],
      [forecast("Atlantis"), "location_not_found"],
    ];
    for (const [call, error] of cases) {
      const { end } = await play([{ calls: [call] }, { text: "I could not find out." }]);
      expect(end.executed[0]!.result.error).toBe(error);
      expect(end.message.content).toBe("I could not find out.");
    }
  });

  test("a tool's own failure: a TwainError is told to the model, a bug is not hidden", async () => {
    const known = throwingTool(
      new TwainError("weather/unreachable", "the service does not answer"),
    );
    const { end } = await play(
      [{ calls: [{ name: "get_forecast" }] }, { text: "No wire today." }],
      { tools: [known] },
    );
    expect(end.executed[0]!.result).toEqual({
      error: "weather/unreachable",
      message: "the service does not answer",
    });
    const bug = play([{ calls: [{ name: "get_forecast" }] }, { text: "?" }], {
      tools: [throwingTool(new TypeError("x is not a function"))],
    });
    await expect(bug).rejects.toThrow("x is not a function");
  });

  test("a tool that does not answer is given up after its time", async () => {
    const { tool, seen } = endlessTool();
    const { end } = await play([{ calls: [{ name: "get_forecast" }] }, { text: "Too slow." }], {
      tools: [tool],
      toolTimeoutMs: 20,
    });
    expect(end.executed[0]!.result.error).toBe("timeout");
    expect(seen).toEqual({ started: 1, aborted: 1 });
  });

  test("rounds and calls are bounded, and the last turn may not call", async () => {
    const { chat, end, ran } = await play([{ calls: [forecast("Boston")] }], { maxRounds: 3 });
    expect(ran).toHaveLength(3);
    expect(chat.requests.map((request) => request.options.toolChoice)).toEqual([
      "auto",
      "auto",
      "auto",
      "none",
    ]);
    expect(end.finishReason).toBe("stop");
    expect(end.message.toolCalls).toBeUndefined();
    expect(new Set(end.executed.map((call) => call.id)).size).toBe(3);

    const many = Array.from({ length: 5 }, (_, index) => forecast("Boston", `c${index}`));
    const flood = await play([{ calls: many }, { text: "Enough." }], { maxCalls: 2 });
    expect(flood.ran).toHaveLength(2);
    expect(flood.end.executed.map((call) => call.result.error)).toEqual([
      undefined,
      undefined,
      "too_many_calls",
      "too_many_calls",
      "too_many_calls",
    ]);
  });

  test("the token budget is one for the whole reply", async () => {
    const { chat, end } = await play([{ text: "a", calls: [forecast("Boston")] }, { text: "b" }], {
      maxTokens: 8,
    });
    expect(chat.requests.map((request) => request.options.maxTokens)).toEqual([8, 3]);
    expect(end.finishReason).toBe("stop");
    const spent = await play([{ calls: [forecast("Boston")] }, { text: "never" }], {
      maxTokens: 5,
    });
    expect(spent.ran).toHaveLength(0);
    expect(spent.end).toMatchObject({ finishReason: "length", executed: [] });
  });

  test("a tool choice holds for the first turn; text before a call is a paragraph of its own", async () => {
    const { chat, events } = await play(
      [{ text: "Let me look.", calls: [forecast("Boston")] }, { text: "Cold." }],
      { toolChoice: "required" },
    );
    expect(chat.requests.map((request) => request.options.toolChoice)).toEqual([
      "required",
      "auto",
    ]);
    expect(events.flatMap((event) => (event.type === "text" ? [event.text] : [])).join("")).toBe(
      "Let me look.\n\nCold.",
    );
  });

  test("an abort ends tools that ignore their signal, and leaving the loop aborts those that heed it", async () => {
    const deaf: Tool = { ...endlessTool().tool, run: () => new Promise(() => {}) };
    const stop = new AbortController();
    const stuck = play([{ calls: [{ name: "get_forecast" }] }], {
      tools: [deaf],
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(), 10);
    await expect(stuck).rejects.toMatchObject({ name: "AbortError" });

    const { tool, seen } = endlessTool();
    const quick = tableWeather().tool;
    const mixed = scriptedChat([{ calls: [{ name: "slow" }, forecast("Boston", "b")] }]);
    const loop = runToolLoop(mixed, question, {
      tools: [{ ...tool, definition: { ...tool.definition, name: "slow" } }, quick],
    });
    for await (const event of loop) if (event.type === "result") break;
    expect(seen).toEqual({ started: 1, aborted: 1 });
  });
});
