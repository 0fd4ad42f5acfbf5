/** The official client against a real loopback server: what it accepts is what users will have. */
import OpenAI from "openai";
import { connect } from "node:net";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { everyCharacters, type Script, scriptedChat } from "../../test/fakes/scripted-chat.ts";
import { endlessTool, tableWeather } from "../../test/fakes/weather-like-tools.ts";
import type { Tool } from "../core/chat.ts";
import { TwainError } from "../core/errors.ts";
import { type ServeLimits, createApp } from "./app.ts";
import { type Listening, listen } from "./listen.ts";

const open: Listening[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close(0);
});

async function serve(
  scripts: Script | Script[],
  {
    tools = [tableWeather().tool],
    limits = {},
  }: { tools?: Tool[]; limits?: Partial<ServeLimits> } = {},
) {
  const chat = scriptedChat(scripts, { split: everyCharacters(3) });
  const logged: string[] = [];
  const app = createApp({
    models: () => [
      { id: "twain", chat, root: "nano", created: 1 },
      { id: "nano", chat, created: 1 },
    ],
    tools,
    provider: { name: "table" },
    version: "0",
    logger: { error: (message) => logged.push(message) },
    limits,
  });
  const server = await listen(app, { port: 0 });
  open.push(server);
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
  return { chat, client, server, logged };
}

const messages: OpenAI.ChatCompletionMessageParam[] = [
  { role: "user", content: "Rain in Hannibal?" },
];
const lookup: OpenAI.ChatCompletionTool = {
  type: "function",
  function: {
    name: "get_tide",
    description: "Tides",
    parameters: { type: "object", properties: { port: { type: "string" } } },
  },
};
const until = async (holds: () => boolean): Promise<void> => {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 200) throw new Error("it never came true");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const never = () => new Promise<void>(() => {});

describe("the openai client", () => {
  test("lists models and completes under the name it asked for", async () => {
    const { client } = await serve({ text: "It may." });
    expect((await client.models.list()).data.map((model) => model.id)).toEqual(["twain", "nano"]);
    expect((await client.models.retrieve("nano")).id).toBe("nano");
    for (const model of ["twain", "nano"]) {
      const answer = await client.chat.completions.create({
        model,
        messages,
        temperature: 0,
        max_tokens: 20,
      });
      expect(answer.model).toBe(model);
      expect(answer.choices[0]?.message.content).toBe("It may.");
      for await (const chunk of await client.chat.completions.create({
        model,
        messages,
        stream: true,
      }))
        expect(chunk.model).toBe(model);
    }
  });

  test("streams, with usage, and puts the stream together itself", async () => {
    const { client } = await serve({ text: "It may, or it may not: ☂" });
    const stream = client.chat.completions.stream({
      model: "twain",
      messages,
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe("It may, or it may not: ☂");
    expect(final.usage?.total_tokens).toBe(12);
  });

  test("gets its own tools' calls, whole and streamed, and sends the results back", async () => {
    const script: Script[] = [
      {
        calls: [
          { name: "get_tide", id: "t1", arguments: { port: "Boston" } },
          { name: "get_tide", id: "t2", argumentsText: "" },
        ],
      },
    ];
    const { client } = await serve(script);
    const whole = await client.chat.completions.create({
      model: "twain",
      messages,
      tools: [lookup],
    });
    const streamed = await client.chat.completions
      .stream({ model: "twain", messages, tools: [lookup] })
      .finalChatCompletion();
    for (const answer of [whole, streamed]) {
      const choice = answer.choices[0]!;
      expect(choice.finish_reason).toBe("tool_calls");
      expect(
        choice.message.tool_calls?.map(
          (call) =>
            call.type === "function" && [call.id, call.function.name, call.function.arguments],
        ),
      ).toEqual([
        ["t1", "get_tide", '{"port":"Boston"}'],
        ["t2", "get_tide", "{}"],
      ]);
    }
    const { client: next, chat } = await serve({ text: "High water at six." });
    const answer = await next.chat.completions.create({
      model: "twain",
      tools: [lookup],
      messages: [
        ...messages,
        whole.choices[0]!.message,
        { role: "tool", tool_call_id: "t1", content: '{"high":"06:00"}' },
      ],
    });
    expect(answer.choices[0]?.message.content).toBe("High water at six.");
    expect(chat.requests[0]!.messages.at(-1)).toEqual({
      role: "tool",
      toolCallId: "t1",
      content: '{"high":"06:00"}',
    });
  });

  test("is not troubled by the calls that the server runs itself", async () => {
    const script: Script[] = [
      { calls: [{ name: "get_forecast", arguments: { location: "Hannibal", days: 2 } }] },
      { text: "Carry an umbrella." },
    ];
    const whole = await (
      await serve(script)
    ).client.chat.completions.create({ model: "twain", messages });
    expect(whole).toMatchObject({
      twainbot: {
        tool_calls: [{ name: "get_forecast", arguments: { location: "Hannibal", days: 2 } }],
      },
    });
    const stream = (await serve(script)).client.chat.completions.stream({
      model: "twain",
      messages,
    });
    const seen: unknown[] = [];
    stream.on("chunk", (chunk) => "twainbot" in chunk && seen.push(chunk.twainbot));
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]).toMatchObject({
      finish_reason: "stop",
      message: { content: "Carry an umbrella." },
    });
    expect(seen).toHaveLength(2);
    expect(whole.choices[0]?.message.content).toBe(final.choices[0]?.message.content);
  });

  test.each([
    [{ model: "gpt-9", messages }, OpenAI.NotFoundError, 404, "model_not_found", null],
    [{ model: "twain", messages: [] }, OpenAI.BadRequestError, 400, null, "messages"],
    [
      { model: "twain", messages, temperature: "hot" },
      OpenAI.BadRequestError,
      400,
      null,
      "temperature",
    ],
    [{ model: "twain", messages, n: 3 }, OpenAI.BadRequestError, 400, null, "n"],
    [
      { model: "twain", messages: [{ role: "user", content: "x".repeat(2000) }] },
      OpenAI.APIError,
      413,
      "body_too_large",
      null,
    ],
  ])("raises its own error classes: %#", async (body, type, status, code, param) => {
    const { client } = await serve({ text: "x" }, { limits: { bodyBytes: 1000 } });
    const error = await client.chat.completions
      .create(body as never)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ status, code, param, requestID: expect.any(String) });
  });

  test("raises RateLimitError, InternalServerError, and an APIError for a stream that breaks", async () => {
    const busy = await serve(
      { text: "slow", pause: never },
      { limits: { running: 1, waiting: 0 } },
    );
    const first = busy.client.chat.completions.create({ model: "twain", messages }).catch(() => {});
    await until(() => busy.chat.requests.length === 1);
    await expect(
      busy.client.chat.completions.create({ model: "twain", messages }),
    ).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    await busy.server.close(0);
    await first;

    const broken = await serve({ fail: { at: 0, error: new Error("boom") } });
    await expect(
      broken.client.chat.completions.create({ model: "twain", messages }),
    ).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    const { client } = await serve({
      text: "abcdefghi",
      fail: { at: 2, error: new TwainError("generate/session-lost", "the model was unloaded") },
    });
    const got: string[] = [];
    const reading = (async () => {
      for await (const chunk of await client.chat.completions.create({
        model: "twain",
        messages,
        stream: true,
      }))
        got.push(chunk.choices[0]?.delta.content ?? "");
    })();
    await expect(reading).rejects.toMatchObject({ code: "generate/session-lost" });
    expect(got.join("")).toBe("abcdef");
  });
});

describe("a client that hangs up", () => {
  const halting = {
    text: "abcdefghijkl",
    pause: (at: number) => (at < 2 ? Promise.resolve() : never()),
  };

  test("while streaming", async () => {
    const { chat, client } = await serve(halting);
    const stream = await client.chat.completions.create({ model: "twain", messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    await until(() => chat.abandoned() === 1);
    expect(chat.emitted()).toBeLessThan(4);
  });

  test("while waiting for a whole answer, while a tool works, and in the line", async () => {
    const { tool, seen } = endlessTool();
    const { chat, client } = await serve([halting, { calls: [{ name: "get_forecast" }] }], {
      tools: [tool],
      limits: { running: 1 },
    });
    const ask = () => {
      const abort = new AbortController();
      const answer = client.chat.completions.create(
        { model: "twain", messages },
        { signal: abort.signal },
      );
      const ended = expect(answer).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
      return { ended, abort: () => abort.abort() };
    };
    const first = ask();
    await until(() => chat.requests.length === 1);
    const queued = ask();
    await new Promise((resolve) => setTimeout(resolve, 50));
    queued.abort();
    await queued.ended;
    first.abort();
    await first.ended;
    await until(() => chat.abandoned() === 1);

    const tooling = ask();
    await until(() => seen.started === 1);
    tooling.abort();
    await tooling.ended;
    await until(() => seen.aborted === 1);
    // The one that left the line never reached the model.
    expect(chat.requests).toHaveLength(2);
  });

  test("in the middle of its own question: no place is kept, nothing is logged", async () => {
    const { chat, client, server, logged } = await serve(
      { text: "ok" },
      { limits: { running: 1, waiting: 0 } },
    );
    const socket = connect(server.port, "127.0.0.1");
    socket.write(
      "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(
      (await client.chat.completions.create({ model: "twain", messages })).choices,
    ).toHaveLength(1);
    expect(chat.requests).toHaveLength(1);
    expect(logged).toEqual([]);
  });
});

describe("listening", () => {
  test("a port in use is an error with a hint; the port is free again after close", async () => {
    const app = { fetch: () => new Response("ok") };
    const first = await listen(app, { port: 0 });
    expect(first.url).toBe(`http://127.0.0.1:${first.port}`);
    await expect(listen(app, { port: first.port })).rejects.toMatchObject({
      code: "serve/port-in-use",
      hint: expect.stringContaining(`${first.port + 1}`),
    });
    await first.close();
    const again = await listen(app, { port: first.port });
    expect(await (await fetch(again.url)).text()).toBe("ok");
    await again.close();
  });

  test("an address that is not here is an error of the user", async () => {
    await expect(
      listen({ fetch: () => new Response() }, { host: "203.0.113.1", port: 0 }),
    ).rejects.toMatchObject({ code: "serve/cannot-listen" });
  });

  test("closing lets an answer end, and cuts off one that does not", async () => {
    const { chat, client, server } = await serve({
      text: "abc",
      pause: () => new Promise((resolve) => setTimeout(resolve, 60)),
    });
    const answer = client.chat.completions.create({ model: "twain", messages });
    await until(() => chat.requests.length === 1);
    const started = performance.now();
    await server.close(5000);
    // The connection is kept alive by the client, and must not hold up the end.
    expect(performance.now() - started).toBeLessThan(1500);
    expect((await answer).choices[0]?.message.content).toBe("abc");

    const stuck = await serve({ text: "abc", pause: never });
    const cut = expect(
      stuck.client.chat.completions.create({ model: "twain", messages }),
    ).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
    await until(() => stuck.chat.requests.length === 1);
    await stuck.server.close(20);
    await cut;
    await until(() => stuck.chat.abandoned() === 1);
  });

  test("a request without a Host of this machine is refused on the wire too", async () => {
    const { server } = await serve({ text: "x" });
    const socket = connect(server.port, "127.0.0.1");
    socket.end("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    const [data] = (await once(socket, "data")) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1\.1 403/);
  });
});
