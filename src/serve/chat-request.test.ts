import { describe, expect, test } from "vitest";
import { TwainError } from "../core/errors.ts";
import { ask, serve, tool, user } from "./test-server.ts";

describe("bad requests", () => {
  const rows: [string, unknown, number, string | null, string | null][] = [
    ["not JSON", "{", 400, null, null],
    ["not an object", "[]", 400, null, null],
    ["no model", { messages: user() }, 400, "model", null],
    ["unknown model", { model: "gpt-9", messages: user() }, 404, null, "model_not_found"],
    ["no messages", { model: "twain" }, 400, "messages", null],
    ["empty messages", ask({ messages: [] }), 400, "messages", null],
    [
      "unknown role",
      ask({ messages: [{ role: "wizard", content: "x" }] }),
      400,
      "messages[0].role",
      null,
    ],
    ["content is a number", ask({ messages: user(5) }), 400, "messages[0].content", null],
    [
      "content is an image",
      ask({ messages: user([{ type: "image_url", image_url: { url: "x" } }]) }),
      400,
      "messages[0].content",
      null,
    ],
    [
      "assistant says nothing",
      ask({ messages: [{ role: "assistant", content: null }] }),
      400,
      "messages[0].content",
      null,
    ],
    [
      "tool result of no call",
      ask({ messages: [{ role: "tool", content: "{}" }] }),
      400,
      "messages[0].tool_call_id",
      null,
    ],
    ["temperature is text", ask({ temperature: "hot" }), 400, "temperature", null],
    ["temperature too high", ask({ temperature: 3 }), 400, "temperature", null],
    ["top_p above one", ask({ top_p: 1.5 }), 400, "top_p", null],
    ["min_p above one", ask({ min_p: 1.5 }), 400, "min_p", null],
    ["top_k below -1", ask({ top_k: -2 }), 400, "top_k", null],
    ["top_k is a fraction", ask({ top_k: 1.5 }), 400, "top_k", null],
    ["repetition_penalty is zero", ask({ repetition_penalty: 0 }), 400, "repetition_penalty", null],
    ["frequency_penalty too high", ask({ frequency_penalty: 3 }), 400, "frequency_penalty", null],
    ["max_tokens is zero", ask({ max_tokens: 0 }), 400, "max_tokens", null],
    [
      "max_tokens is a fraction",
      ask({ max_completion_tokens: 1.5 }),
      400,
      "max_completion_tokens",
      null,
    ],
    ["seed is text", ask({ seed: "x" }), 400, "seed", null],
    ["five stops", ask({ stop: ["a", "b", "c", "d", "e"] }), 400, "stop", null],
    ["n is two", ask({ n: 2 }), 400, "n", null],
    ["logprobs", ask({ logprobs: true }), 400, "logprobs", null],
    [
      "JSON mode",
      ask({ response_format: { type: "json_object" } }),
      400,
      "response_format.type",
      null,
    ],
    ["misnested response_format", ask({ response_format: "json" }), 400, "response_format", null],
    ["deprecated functions", ask({ functions: [] }), 400, "functions", null],
    ["stream is text", ask({ stream: "yes" }), 400, "stream", null],
    [
      "tool without name",
      ask({ tools: [{ type: "function", function: {} }] }),
      400,
      "tools[0].function.name",
      null,
    ],
    [
      "tool choice is nonsense",
      ask({ tools: [tool], tool_choice: "maybe" }),
      400,
      "tool_choice",
      null,
    ],
    [
      "tool choice names no tool",
      ask({ tools: [tool], tool_choice: { type: "function", function: { name: "x" } } }),
      400,
      "tool_choice",
      null,
    ],
    [
      "required of an empty list",
      ask({ tools: [], tool_choice: "required" }),
      400,
      "tool_choice",
      null,
    ],
    ["unknown persona", ask({ persona: "shakespeare" }), 400, "persona", null],
  ];
  test.each(rows)("%s", async (_, body, status, param, code) => {
    for (const stream of [false, true]) {
      const streamed =
        typeof body === "object" && !("stream" in body!) ? { ...body, stream } : body;
      const { post, chat } = serve();
      const response = await post(streamed);
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({
        error: {
          message: expect.stringMatching(/.{5,}/),
          type: "invalid_request_error",
          param,
          code,
        },
      });
      expect(chat.requests).toHaveLength(0);
    }
  });

  test("wrong media type, too large, wrong method, unknown path", async () => {
    const { app, post } = serve({ text: "x" }, { limits: { bodyBytes: 200 } });
    expect((await post(ask(), { "content-type": "text/plain" })).status).toBe(415);
    expect((await post(ask(), { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post(ask({ user: "x".repeat(300) }))).status).toBe(413);
    // The length may also be unknown until the bytes are there.
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(" ".repeat(64))),
    });
    const endless = new Request("http://localhost/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: stream,
      duplex: "half",
    } as RequestInit);
    expect((await app.request(endless)).status).toBe(413);
    expect((await app.request("/v1/chat/completions")).status).toBe(405);
    const missing = await app.request("/etc/passwd");
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ error: { code: "not_found" } });
  });

  test("an unknown failure is logged with its stack and told without it", async () => {
    const { post, logged } = serve({
      fail: { at: 0, error: new RangeError("secret path /home/me") },
    });
    const response = await post(ask(), { "x-request-id": "req-1" });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toMatch(/secret|\.ts/);
    expect(logged[0]).toMatch(/^request req-1: RangeError: secret path[\s\S]*at /);
  });

  test("what a TwainError becomes, before anything is streamed, in both modes", async () => {
    const overflow = new TwainError("generate/context-overflow", "900 tokens do not fit into 512", {
      hint: "Shorten the messages.",
    });
    for (const stream of [false, true]) {
      const { post, logged } = serve({ fail: { at: 0, error: overflow } });
      const response = await post(ask({ stream }));
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: {
          code: "context_length_exceeded",
          message: "900 tokens do not fit into 512. Shorten the messages.",
        },
      });
      expect(logged).toEqual([]);
    }
  });

  test("no model yet is 503 with Retry-After", async () => {
    const { app, post } = serve({ text: "x" }, { models: () => [] });
    expect((await app.request("/health")).status).toBe(503);
    const response = await post(ask());
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("5");
  });
});

describe("what a request says reaches the chat", () => {
  test("sampling, messages, tools", async () => {
    const { post, chat } = serve();
    const messages = [
      {
        role: "developer",
        content: [
          { type: "text", text: "Be " },
          { type: "text", text: "brief." },
        ],
      },
      { role: "user", content: "Hi" },
      {
        role: "assistant",
        content: null,
        tool_calls: [
          { id: "a", type: "function", function: { name: "lookup", arguments: "{not json" } },
        ],
      },
      { role: "tool", tool_call_id: "a", content: "nothing" },
      { role: "assistant", content: "ok", tool_calls: [] },
    ];
    const response = await post(
      ask({
        messages,
        tools: [tool],
        tool_choice: "required",
        max_tokens: 9,
        temperature: 0,
        top_p: 0.5,
        top_k: 20,
        min_p: 0.1,
        repetition_penalty: 1.2,
        presence_penalty: -0.5,
        seed: 3,
        stop: "END",
        user: "someone",
        metadata: { a: 1 },
        frequency_penalty: null,
        whatever: { deep: true },
      }),
    );
    expect(response.status).toBe(200);
    const { messages: got, options } = chat.requests[0]!;
    expect(got).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      // Arguments that are not JSON are history, not an error: answering 500 would lock the client out for good.
      {
        role: "assistant",
        content: null,
        toolCalls: [{ id: "a", name: "lookup", arguments: "{not json" }],
      },
      { role: "tool", toolCallId: "a", content: "nothing" },
      { role: "assistant", content: "ok" },
    ]);
    expect(options).toMatchObject({
      maxTokens: 9,
      temperature: 0,
      topP: 0.5,
      seed: 3,
      stop: ["END"],
      toolChoice: "required",
    });
    expect(options.tools?.map((offered) => offered.name)).toEqual(["lookup"]);
  });

  test.each([
    [{}, "[twain]"],
    [{ persona: "franklin" }, "[franklin]"],
    [{ persona: "neutral" }, undefined],
    [{ persona: "twain", messages: [{ role: "system", content: "Own." }, ...user()] }, "Own."],
  ])("persona of %j is %s", async (extra, system) => {
    const { post, chat } = serve();
    await post(ask(extra));
    expect(
      chat.requests[0]!.messages.filter((message) => message.role === "system").map(
        (message) => message.content,
      ),
    ).toEqual(system ? [system] : []);
    expect(chat.requests[0]!.messages.at(-1)).toEqual({ role: "user", content: "Hi" });
  });

  test("the server's tools are offered only where the client brings no list and does not refuse", async () => {
    for (const [extra, offered] of [
      [{}, 1],
      [{ tools: null }, 1],
      [{ tools: [] }, 0],
      [{ tool_choice: "none" }, 0],
    ] as const) {
      const { post, chat } = serve();
      await post(ask(extra));
      expect(chat.requests[0]!.options.tools?.length ?? 0).toBe(offered);
    }
  });
});
