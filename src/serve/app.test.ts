import { describe, expect, test } from "vitest";
import { serve } from "./test-server.ts";

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
