import { describe, expect, test } from "vitest";
import { everyCharacters, type Script } from "../../test/fakes/scripted-chat.ts";
import type { Completion, CompletionChunk } from "./completion.ts";
import { ask, serve, tool } from "./test-server.ts";

const USAGE = {
  prompt_tokens: 7,
  completion_tokens: 5,
  total_tokens: 12,
  prompt_tokens_details: { cached_tokens: 0 },
};

async function events(response: Response): Promise<string[]> {
  const text = await response.text();
  expect(text.endsWith("\n\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n\n")
    .map((frame) => frame.replace(/^data: /, ""));
}
const chunksOf = async (response: Response): Promise<CompletionChunk[]> =>
  (await events(response)).slice(0, -1).map((data) => JSON.parse(data) as CompletionChunk);

/** What a client has when the stream is over. */
function reassemble(chunks: CompletionChunk[]) {
  let content = "";
  const calls: { id: string; name: string; arguments: string }[] = [];
  let finish: string | null = null;
  for (const chunk of chunks) {
    const choice = chunk.choices[0];
    if (!choice) continue;
    content += choice.delta.content ?? "";
    for (const part of choice.delta.tool_calls ?? []) {
      const call = (calls[part.index] ??= {
        id: part.id ?? "",
        name: part.function.name ?? "",
        arguments: "",
      });
      call.arguments += part.function.arguments;
    }
    finish = choice.finish_reason ?? finish;
  }
  return { content, calls, finish };
}
function whole(body: Completion) {
  const { message, finish_reason } = body.choices[0];
  const calls = (message.tool_calls ?? []).map((call) => ({ id: call.id, ...call.function }));
  return { content: message.content ?? "", calls, finish: finish_reason };
}

describe("responses", () => {
  test("one completion", async () => {
    const { post } = serve({ text: "Hello." });
    const response = await post(ask());
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("x-request-id")).toMatch(/.{8,}/);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "twain",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "Hello.", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: USAGE,
    });
  });

  test("chunks in OpenAI's order, usage on request, [DONE] at the end", async () => {
    const { post } = serve(
      { text: "Hi ", calls: [{ name: "lookup", id: "c", arguments: { a: 1 } }] },
      { split: everyCharacters(4) },
    );
    const response = await post(
      ask({
        model: "owner/nano",
        stream: true,
        stream_options: { include_usage: true },
        tools: [tool],
      }),
    );
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(response.headers.get("x-request-id")).toMatch(/.{8,}/);
    const all = await events(response);
    expect(all.at(-1)).toBe("[DONE]");
    const chunks = all.slice(0, -1).map((data) => JSON.parse(data) as CompletionChunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta)).toEqual([
      { role: "assistant", content: "" },
      { content: "Hi " },
      {
        tool_calls: [
          { index: 0, id: "c", type: "function", function: { name: "lookup", arguments: "" } },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ":1}" } }] },
      {},
      undefined,
    ]);
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason)).toEqual([
      null,
      null,
      null,
      null,
      null,
      "tool_calls",
      undefined,
    ]);
    expect(chunks.map((chunk) => chunk.usage)).toEqual([null, null, null, null, null, null, USAGE]);
    expect(new Set(chunks.map((chunk) => `${chunk.id} ${chunk.created} ${chunk.model}`)).size).toBe(
      1,
    );
    expect(chunks[0]!.model).toBe("owner/nano");
    const silent = await chunksOf(await serve().post(ask({ stream: true })));
    expect(silent.some((chunk) => "usage" in chunk)).toBe(false);
  });

  const replies: Script[] = [
    { text: 'It was so cold — the words froze. ☃ {"name": "not a call"}' },
    {
      text: "Let me ask.",
      calls: [
        { name: "lookup", id: "a", arguments: { q: 'é"x' } },
        { name: "lookup", id: "b", arguments: { n: [1, 2] } },
      ],
    },
    {
      calls: [
        { name: "now", id: "a", argumentsText: "" },
        { name: "now", id: "b", argumentsText: "" },
      ],
    },
    { text: "cut", finishReason: "length" },
    { text: "", finishReason: "tool_calls" },
  ];
  test("streamed and reassembled is what is sent whole, for every split and tool choice", async () => {
    for (const script of replies) {
      for (const choice of [
        "auto",
        "none",
        "required",
        { type: "function", function: { name: "lookup" } },
      ]) {
        for (const parallel of [true, false]) {
          const body = {
            tools: [tool, { ...tool, function: { ...tool.function, name: "now" } }],
            tool_choice: choice,
            parallel_tool_calls: parallel,
          };
          const expected = whole(
            (await (await serve(script).post(ask(body))).json()) as Completion,
          );
          for (const size of [1, 2, 5]) {
            const { post } = serve(script, { split: everyCharacters(size) });
            const got = reassemble(await chunksOf(await post(ask({ ...body, stream: true }))));
            expect(got).toEqual(expected);
          }
          expect(expected.finish === "tool_calls").toBe(
            expected.calls.length > 0 && typeof choice === "string",
          );
          if (choice === "none") expect(expected.calls).toEqual([]);
          if (!parallel) expect(expected.calls.length).toBeLessThanOrEqual(1);
          for (const call of expected.calls)
            expect(JSON.parse(call.arguments)).toBeTypeOf("object");
        }
      }
    }
  });

  test("the server runs its own tools and reports them, streamed and whole", async () => {
    const script: Script[] = [
      {
        text: "A moment.",
        calls: [
          { name: "get_forecast", arguments: { location: "Hannibal" } },
          { name: "get_forecast", id: "b", arguments: { location: "Boston" } },
        ],
      },
      { text: "Hannibal is the warmer." },
    ];
    const { post, weather } = serve(script);
    const body = (await (await post(ask())).json()) as Completion;
    expect(whole(body)).toEqual({
      content: "A moment.\n\nHannibal is the warmer.",
      calls: [],
      finish: "stop",
    });
    expect(body.usage.total_tokens).toBe(24);
    expect(body.twainbot?.tool_calls).toMatchObject([
      {
        id: "call_0",
        name: "get_forecast",
        arguments: { location: "Hannibal" },
        result: { location: "Hannibal, United States" },
      },
      {
        id: "b",
        name: "get_forecast",
        arguments: { location: "Boston" },
        result: { location: "Boston, United States" },
      },
    ]);
    expect(weather.log).toEqual(["Hannibal", "Boston"]);

    const chunks = await chunksOf(
      await serve(script, { split: everyCharacters(3) }).post(ask({ stream: true })),
    );
    expect(reassemble(chunks)).toEqual(whole(body));
    const reported = chunks.flatMap((chunk) => chunk.twainbot?.tool_calls ?? []);
    expect(reported.filter((call) => !call.result).map((call) => call.id)).toEqual(["call_0", "b"]);
    expect(reported.filter((call) => call.result)).toEqual(body.twainbot?.tool_calls);
    for (const chunk of chunks.filter((one) => one.twainbot))
      expect(chunk.choices).toMatchObject([{ delta: {}, finish_reason: null }]);
  });

  test("a failure in mid-stream is an error event and no [DONE]", async () => {
    const { post, logged } = serve(
      { text: "abcdef", fail: { at: 2, error: new Error("the session is gone") } },
      { split: everyCharacters(1) },
    );
    const response = await post(ask({ stream: true }));
    expect(response.status).toBe(200);
    const all = await events(response);
    expect(JSON.parse(all.at(-1)!)).toEqual({
      error: { message: expect.any(String), type: "server_error", param: null, code: null },
    });
    expect(all).toHaveLength(4);
    expect(logged).toHaveLength(1);
  });
});
