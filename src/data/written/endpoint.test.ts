import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WrittenConfig } from "../../core/written-config.ts";
import type { AnswerKey } from "./answer-cache.ts";
import { type Reply, endpointKey, openEndpoint, retryAfter } from "./endpoint.ts";
import { type TestEndpoint, startTestEndpoint } from "./test-endpoint.ts";

const KEY = "sk-very-secret-1234567890";
let server: TestEndpoint;
beforeEach(async () => {
  server = await startTestEndpoint();
});
afterEach(() => server.close());

const configOf = (more: object = {}, url = server.url): WrittenConfig =>
  WrittenConfig.parse({
    endpoint: { url, model: "m", terms: "none" },
    kinds: { hybrid: 1 },
    attempts: 3,
    timeoutSeconds: 5,
    ...more,
  });

const asked: AnswerKey = {
  url: "u",
  model: "m",
  messages: [
    { role: "system", content: "s" },
    { role: "user", content: "u" },
  ],
  parameters: { temperature: 0.5, max_tokens: 9 },
  prompt: "p@1",
  sample: 0,
};

async function ask(
  config = configOf(),
  options: { signal?: AbortSignal; admit?: () => Promise<boolean> } = {},
): Promise<Reply | undefined> {
  const endpoint = openEndpoint({ config, key: () => KEY, fetch, backOff: 0.01 });
  return endpoint.ask(
    asked,
    options.admit ?? (async () => true),
    options.signal ?? new AbortController().signal,
  );
}

test("an answer: what was asked, what it cost, and the key in its header", async () => {
  server.answer = () => "hello";
  expect(await ask()).toEqual({
    ok: true,
    answer: {
      content: "hello",
      finish: "stop",
      served: "m",
      tokens: { input: 100, output: 20 },
      attempts: 1,
    },
  });
  expect(server.requests).toEqual([
    {
      model: "m",
      messages: asked.messages,
      temperature: 0.5,
      max_tokens: 9,
      authorization: `Bearer ${KEY}`,
    },
  ]);
});

test("tokens are estimated where the endpoint counts none, and content may come in parts", async () => {
  server.answer = () => ({ content: "nine byte", usage: false });
  expect(await ask()).toMatchObject({ ok: true, answer: { tokens: { input: 1, output: 3 } } });
  server.answer = () => ({
    status: 200,
    body: JSON.stringify({
      choices: [{ message: { content: [{ type: "text", text: "a" }, { text: "b" }] } }],
    }),
  });
  expect(await ask()).toMatchObject({ ok: true, answer: { content: "ab", finish: "stop" } });
});

describe("failures", () => {
  test.each([
    ["rate-limited", 3, { status: 429, headers: { "retry-after": "0" } }],
    ["server-error", 3, { status: 500, body: "oops" }],
    ["server-error", 3, { status: 503 }],
    ["refused", 1, { status: 400, body: JSON.stringify({ error: { message: "no such field" } }) }],
    ["refused", 1, { status: 404, body: JSON.stringify({ error: "no such model" }) }],
    ["refused", 1, { status: 302, headers: { location: "http://example.org/" } }],
    ["bad-answer", 3, { status: 200, body: "<html>proxy</html>" }],
    ["bad-answer", 3, { status: 200, body: '{"choices": []}' }],
    ["unreachable", 3, "destroy"],
  ] as const)("%s after %i attempts: %j", async (name, attempts, script) => {
    server.answer = () => script;
    expect(await ask()).toMatchObject({ ok: false, failure: { class: name, attempts } });
    expect(server.requests).toHaveLength(attempts);
  });

  test("nothing listens", async () => {
    const url = server.url;
    await server.close();
    expect(await ask(configOf({}, url))).toMatchObject({
      ok: false,
      failure: { class: "unreachable", attempts: 3 },
    });
    server = await startTestEndpoint();
  });

  test("silence is a timeout", async () => {
    server.answer = () => "hang";
    expect(await ask(configOf({ timeoutSeconds: 0.1, attempts: 2 }))).toMatchObject({
      ok: false,
      failure: {
        class: "timeout",
        attempts: 2,
        message: expect.stringContaining("0.1 s") as string,
      },
    });
  });

  test("an answer without end is given up", async () => {
    const endless = createServer((_, response) => {
      const more = (): void => {
        while (response.write("x".repeat(1 << 16)));
      };
      response.on("drain", more);
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(endless.address() as AddressInfo).port}/v1`;
    expect(await ask(configOf({}, url))).toMatchObject({
      ok: false,
      failure: { class: "bad-answer", attempts: 1 },
    });
    endless.closeAllConnections();
    await new Promise((resolve) => endless.close(resolve));
  });

  test("a failing endpoint that recovers: the answer says at which attempt", async () => {
    server.answer = (_, count) => (count < 3 ? { status: 503 } : "late");
    expect(await ask()).toMatchObject({ ok: true, answer: { content: "late", attempts: 3 } });
  });
});

test("Retry-After is waited for, by the next request too", async () => {
  server.answer = (_, count) =>
    count === 1 ? { status: 429, headers: { "retry-after": "0.4" } } : "x";
  const config = configOf();
  const endpoint = openEndpoint({ config, key: () => undefined, fetch, backOff: 0.01 });
  const { signal } = new AbortController();
  const started = performance.now();
  const first = endpoint.ask(asked, async () => true, signal);
  while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await endpoint.ask({ ...asked, messages: [] }, async () => true, signal);
  expect(performance.now() - started).toBeGreaterThan(380);
  expect(await first).toMatchObject({ ok: true });
});

test("one that asks for an hour is not waited for", async () => {
  server.answer = () => ({ status: 429, headers: { "retry-after": "3600" } });
  expect(await ask()).toMatchObject({ ok: false, failure: { class: "rate-limited", attempts: 1 } });
});

test("Retry-After is seconds or a date", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(retryAfter("7", now)).toBe(7);
  expect(retryAfter("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30);
  expect(retryAfter("Wed, 31 Dec 2025 23:00:00 GMT", now)).toBe(0);
  expect(retryAfter("-3", now)).toBe(0);
  for (const none of [null, "", "soon"]) expect(retryAfter(none, now)).toBeUndefined();
});

test.each([401, 403])("status %i stops everything and tells nothing of the key", async (status) => {
  server.answer = () => ({
    status,
    body: JSON.stringify({ error: { message: `wrong key ${KEY}` } }),
  });
  const error: unknown = await ask().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "data/endpoint-access" });
  expect(JSON.stringify(error) + String(error)).not.toContain(KEY);
});

test("an endpoint that repeats the key gets it into no message and no answer", async () => {
  server.answer = () => ({
    status: 400,
    body: JSON.stringify({ error: { message: `Bearer ${KEY} is odd` } }),
  });
  expect(JSON.stringify(await ask())).not.toContain(KEY);
  server.answer = () => `Your key is ${KEY}`;
  const reply = await ask();
  expect(reply).toMatchObject({ ok: false, failure: { class: "bad-answer" } });
  expect(JSON.stringify(reply)).not.toContain(KEY);
});

test("an abort ends a request and a wait at once", async () => {
  for (const script of ["hang", { status: 429, headers: { "retry-after": "60" } }] as const) {
    server.answer = () => script;
    const abort = new AbortController();
    const before = server.requests.length;
    const reply = ask(configOf(), { signal: abort.signal });
    while (server.requests.length === before)
      await new Promise((resolve) => setTimeout(resolve, 5));
    setTimeout(() => abort.abort(), 30);
    await expect(reply).rejects.toMatchObject({ name: "AbortError" });
  }
});

test("every attempt is admitted, or not made", async () => {
  server.answer = () => ({ status: 500 });
  let left = 2;
  expect(await ask(configOf(), { admit: async () => left-- > 0 })).toMatchObject({
    ok: false,
    failure: { attempts: 2 },
  });
  expect(server.requests).toHaveLength(2);
  expect(await ask(configOf(), { admit: async () => false })).toBeUndefined();
  expect(server.requests).toHaveLength(2);
});

test("the key comes from the variable that the recipe names", () => {
  const { endpoint } = configOf({
    endpoint: { url: server.url, model: "m", terms: "t", apiKeyEnv: "MY_KEY" },
  });
  expect(endpointKey(endpoint, { MY_KEY: ` ${KEY}\n` })).toBe(KEY);
  for (const env of [{}, { MY_KEY: "" }, { MY_KEY: "two\nlines" }, { MY_KEY: "schlüssel" }])
    expect(() => endpointKey(endpoint, env)).toThrow(/MY_KEY is not/);
  expect(endpointKey(configOf().endpoint, { MY_KEY: KEY })).toBeUndefined();
});
