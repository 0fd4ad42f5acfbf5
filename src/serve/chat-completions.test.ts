import { describe, expect, test } from "vitest";
import { everyCharacters } from "../../test/fakes/scripted-chat.ts";
import { endlessTool } from "../../test/fakes/weather-like-tools.ts";
import { ask, serve, user } from "./test-server.ts";

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
