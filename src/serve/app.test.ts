import { describe, expect, test } from "vitest";
import { everyCharacters, type Script, scriptedChat } from "../../test/fakes/scripted-chat.ts";
import { endlessTool, tableWeather } from "../../test/fakes/weather-like-tools.ts";
import { TwainError } from "../core/errors.ts";
import { type AppDeps, createApp } from "./app.ts";
import type { Completion, CompletionChunk } from "./completion.ts";

function serve(
  scripts: Script | Script[] = { text: "Hello." },
  extra: Partial<AppDeps> & { split?: (text: string) => string[] } = {},
) {
  const { split, ...deps } = extra;
  const chat = scriptedChat(scripts, split ? { split } : {});
  const logged: string[] = [];
  const weather = tableWeather();
  const app = createApp({
    models: () => [
      { id: "twain", chat, root: "nano", created: 1_700_000_000, contextTokens: 512 },
      { id: "owner/nano", chat, created: 1_700_000_000 },
    ],
    tools: [weather.tool],
    provider: { name: "offline almanack", attribution: "Invented for tests" },
    version: "0.1.0",
    logger: { error: (message) => logged.push(message) },
    ...deps,
  });
  const post = async (
    body: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ): Promise<Response> =>
    app.request("/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(signal && { signal }),
    });
  return { app, chat, post, logged, weather };
}

const user = (content: unknown = "Hi") => [{ role: "user", content }];
const ask = (extra: object = {}) => ({ model: "twain", messages: user(), ...extra });
const tool = {
  type: "function",
  function: { name: "lookup", parameters: { type: "object", properties: {} } },
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
      usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
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
    expect(chunks.map((chunk) => chunk.usage)).toEqual([
      null,
      null,
      null,
      null,
      null,
      null,
      { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
    ]);
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

describe("leaving early and waiting", () => {
  const slow = () => ({
    text: "abcdef",
    pause: (at: number) => (at < 2 ? Promise.resolve() : new Promise<void>(() => {})),
  });
  const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

  test("a reader who cancels ends the generation and frees the place", async () => {
    const { post, chat } = serve([slow, { text: "next" }], {
      split: everyCharacters(1),
      limits: { running: 1 },
    });
    const reader = (await post(ask({ stream: true }))).body!.getReader();
    await reader.read();
    await reader.read();
    await reader.cancel();
    expect(chat.abandoned()).toBe(1);
    expect((await post(ask())).status).toBe(200);
  });

  test("a reader who cancels while the model is silent is not waited for", async () => {
    const { post, chat } = serve(slow, { split: everyCharacters(1) });
    const reader = (await post(ask({ stream: true }))).body!.getReader();
    for (let n = 0; n < 3; n += 1) await reader.read();
    const pending = reader.read();
    await settled();
    await reader.cancel();
    expect((await pending).done).toBe(true);
    expect(chat.abandoned()).toBe(1);
  });

  test("a slow reader holds the generation back", async () => {
    const { post, chat } = serve({ text: "x".repeat(500) }, { split: everyCharacters(1) });
    const reader = (await post(ask({ stream: true }))).body!.getReader();
    for (let n = 0; n < 10; n += 1) await reader.read();
    await settled();
    expect(chat.emitted()).toBeLessThan(14);
    await reader.cancel();
  });

  test("an abort ends a request that is not streamed, one that waits in line, and a tool at work", async () => {
    const { post, chat } = serve([slow, { text: "next" }], {
      split: everyCharacters(1),
      limits: { running: 1 },
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const running = post(ask(), {}, first.signal);
    await expect.poll(() => chat.requests.length).toBe(1);
    const queued = post(ask(), {}, second.signal);
    await settled();
    second.abort();
    expect((await queued).status).toBe(503);
    expect(chat.requests).toHaveLength(1);
    first.abort();
    expect((await running).status).toBe(503);
    expect(chat.abandoned()).toBe(1);
    expect((await post(ask())).status).toBe(200);

    const { tool: endless, seen } = endlessTool();
    const tools = serve({ calls: [{ name: "get_forecast" }] }, { tools: [endless] });
    const third = new AbortController();
    const fetching = tools.post(ask(), {}, third.signal);
    await expect.poll(() => seen.started).toBe(1);
    third.abort();
    expect((await fetching).status).toBe(503);
    expect(seen).toEqual({ started: 1, aborted: 1 });
    expect(tools.logged).toEqual([]);
  });

  test("past the line it is 429 with Retry-After; those in line are served in order", async () => {
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const order: unknown[] = [];
    const { post } = serve(
      (messages) => ({ text: "ok", pause: () => (order.push(messages.at(-1)!.content), gate) }),
      { limits: { running: 2, waiting: 2 } },
    );
    const waiting = ["a", "b", "c", "d"].map((name) => post(ask({ messages: user(name) })));
    await expect.poll(() => order.length).toBe(2);
    await settled();
    const refused = await post(ask());
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("2");
    expect(await refused.json()).toMatchObject({
      error: { type: "rate_limit_error", code: "busy" },
    });
    open();
    expect((await Promise.all(waiting)).map((response) => response.status)).toEqual([
      200, 200, 200, 200,
    ]);
    expect(order).toEqual(["a", "b", "c", "d"]);
  });
});

describe("the other routes", () => {
  test("health, models, info", async () => {
    const { app } = serve();
    expect(await (await app.request("/health")).json()).toEqual({ status: "ok" });
    const list = (await (await app.request("/v1/models")).json()) as { data: unknown[] };
    expect(list).toMatchObject({
      object: "list",
      data: [
        { id: "twain", object: "model", root: "nano", parent: "nano", max_model_len: 512 },
        { id: "owner/nano", parent: null },
      ],
    });
    expect(await (await app.request("/v1/models/owner/nano")).json()).toEqual(list.data[1]);
    expect((await app.request("/v1/models/none")).status).toBe(404);
    expect(await (await app.request("/api/info")).json()).toMatchObject({
      version: "0.1.0",
      defaultPersona: "twain",
      models: [
        { id: "twain", base: "nano" },
        { id: "owner/nano", base: null },
      ],
      tools: [{ name: "get_forecast" }],
      weather: { name: "offline almanack", attribution: "Invented for tests" },
    });
  });

  test.each([
    ["127.0.0.1:8787", undefined, 200],
    ["localhost", undefined, 200],
    ["[::1]:8787", undefined, 200],
    ["evil.example", undefined, 403],
    ["127.0.0.1.evil.example", undefined, 403],
    ["127.0.0.1:8787", "http://localhost:5173", 200],
    ["127.0.0.1:8787", "https://evil.example", 403],
    ["127.0.0.1:8787", "http://127.0.0.1.evil.example", 403],
    ["127.0.0.1:8787", "null", 403],
  ])("Host %s with Origin %s: %i", async (host, origin, status) => {
    const { app } = serve();
    const response = await app.request("/health", { headers: { host, ...(origin && { origin }) } });
    expect(response.status).toBe(status);
    expect(response.headers.get("access-control-allow-origin")).toBe(
      status === 200 ? (origin ?? null) : null,
    );
  });

  test("bound to other addresses, any Host is served but foreign pages are not", async () => {
    const { app } = serve({ text: "x" }, { hosts: "any" });
    const get = (host: string, origin: string) =>
      app.request("/health", { headers: { host, origin } });
    expect((await get("almanack.lan:8787", "http://almanack.lan:8787")).status).toBe(200);
    expect((await get("almanack.lan:8787", "https://evil.example")).status).toBe(403);
  });

  test("a preflight of a local page is answered; pages come from memory with headers that forbid the rest", async () => {
    const page = new Map([
      [
        "/",
        {
          bytes: new TextEncoder().encode("<!doctype html>"),
          type: "text/html; charset=utf-8",
          immutable: false,
        },
      ],
      [
        "/assets/a-1.js",
        {
          bytes: new TextEncoder().encode("1"),
          type: "text/javascript; charset=utf-8",
          immutable: true,
        },
      ],
    ]);
    const { app } = serve({ text: "x" }, { page });
    const preflight = await app.request("/v1/chat/completions", {
      method: "OPTIONS",
      headers: {
        origin: "http://localhost:3000",
        "access-control-request-headers": "content-type,authorization",
        "access-control-request-method": "POST",
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
    const index = await app.request("/");
    expect(await index.text()).toBe("<!doctype html>");
    const policy = index.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(index.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await app.request("/assets/a-1.js")).headers.get("cache-control")).toContain(
      "immutable",
    );
    for (const path of [
      "/assets/../package.json",
      "/assets/%2e%2e/package.json",
      "/index.html",
      "/assets/",
    ]) {
      expect((await app.request(path)).status).toBe(404);
    }
  });
});
