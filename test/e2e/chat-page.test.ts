/** The built page in a real browser, against a real server with a scripted model and real tools. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type Page, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Tool } from "../../src/core/chat.ts";
import { packageRoot } from "../../src/core/package-root.ts";
import { createApp } from "../../src/serve/app.ts";
import { type Listening, listen } from "../../src/serve/listen.ts";
import { loadPage } from "../../src/serve/page.ts";
import { readEvents } from "../../web/src/read-events.ts";
import { TwainError } from "../../src/core/errors.ts";
import {
  type Script,
  type ScriptedChat,
  everyCharacters,
  scriptedChat,
} from "../fakes/scripted-chat.ts";
import { endlessTool, tableWeather } from "../fakes/weather-like-tools.ts";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium"].find(
  (path) => path && existsSync(path),
);
if (!executablePath)
  console.warn("no chromium: set CHROMIUM to its path to test the chat page in a browser");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "almanack-"));
  const root = join(packageRoot(), "web");
  await build({
    root,
    configFile: join(root, "vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("what is built", () => {
  test("asks nothing of other hosts and holds nothing inline", async () => {
    const html = await readFile(join(folder, "index.html"), "utf8");
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|style=/);
    const names = await readdir(join(folder, "assets"));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      expect(name).toMatch(/-[\w-]{8}\.(js|css)$/);
      const text = await readFile(join(folder, "assets", name), "utf8");
      // Namespaces are names, not addresses.
      expect(text.replaceAll(/http:\/\/www\.w3\.org\/[\w/]+/g, "")).not.toMatch(
        /https?:\/\/|\/\/fonts\.|@import/i,
      );
    }
    const sources = join(packageRoot(), "web", "src");
    for (const name of await readdir(sources, { recursive: true })) {
      if (!/\.tsx?$/.test(name)) continue;
      expect(await readFile(join(sources, name), "utf8")).not.toMatch(
        /innerHTML|insertAdjacent|document\.write/i,
      );
    }
    const page = await loadPage(folder);
    expect([...page.keys()].toSorted()).toEqual(
      ["/", ...names.map((name) => `/assets/${name}`), "/favicon.svg"].toSorted(),
    );
  });

  test("a folder that is not there gives a page that says how to build", async () => {
    const page = await loadPage(join(folder, "nowhere"));
    expect(new TextDecoder().decode(page.get("/")!.bytes)).toContain("npm run build");
  });
});

test("events are the same however the bytes are cut", async () => {
  const text = ': ping\r\n\r\ndata: {"a":"é"}\r\n\r\ndata:x\ndata: y\n\nid: 5\ndata: [DONE]\r\r';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    let at = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, (at += size)));
      },
    });
    const got: string[] = [];
    for await (const data of readEvents(body)) got.push(data);
    expect(got).toEqual(['{"a":"é"}', "x\ny", "[DONE]"]);
  }
});

describe.skipIf(!executablePath)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());

  async function visit(
    scripts: Script | Script[],
    use: (page: Page, chat: ScriptedChat, server: Listening) => Promise<void>,
    tools: Tool[] = [tableWeather().tool],
  ) {
    const chat = scriptedChat(scripts, { split: everyCharacters(5) });
    const server = await listen(
      createApp({
        models: () => [
          { id: "twainbot", chat, root: "nano", created: 1 },
          { id: "nano", chat, created: 1 },
        ],
        tools,
        provider: { name: "table", attribution: "Weather from a table (CC0)" },
        version: "0.1.0",
        logger: { error: () => {} },
        page: await loadPage(folder),
      }),
      { port: 0 },
    );
    const page = await browser.newPage({ viewport: { width: 390, height: 800 } });
    const problems: string[] = [];
    const foreign: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on(
      "console",
      (message) =>
        message.text().includes("Content Security Policy") && problems.push(message.text()),
    );
    page.on(
      "request",
      (request) => !request.url().startsWith(server.url) && foreign.push(request.url()),
    );
    page.on("dialog", (dialog) => problems.push(`dialog ${dialog.message()}`));
    try {
      await page.goto(server.url);
      await page.waitForSelector(".chip:not(:disabled)");
      await use(page, chat, server);
      expect({ problems, foreign }).toEqual({ problems: [], foreign: [] });
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    } finally {
      await page.close();
      await server.close(0);
    }
  }
  const ask = async (page: Page, text: string): Promise<void> => {
    await page.getByLabel("Your question").fill(text);
    await page.keyboard.press("Enter");
  };
  const settled = (page: Page) => page.waitForSelector(".thread[aria-busy=false]");
  const forecast = {
    calls: [{ name: "get_forecast", arguments: { location: "Hannibal", days: 3 } }],
  };

  test("a question, its telegram with call and result, and the answer", async () => {
    await visit(
      [forecast, { text: "Light rain.\n\nTake the umbrella." }, { text: "Colder." }],
      async (page, chat) => {
        await ask(page, "Will it rain in Hannibal?");
        await settled(page);
        const telegram = page.getByRole("region", { name: "Weather telegram: get_forecast" });
        expect(await telegram.locator(".sent").innerText()).toMatch(
          /get_forecast\s+Location: Hannibal\s+Days: 3/,
        );
        expect(await telegram.locator("tbody tr").allInnerTexts()).toEqual([
          expect.stringMatching(/Sat, Nov 21\s+light rain\s+62\s+48\s+70%/),
          expect.stringMatching(/Sun, Nov 22/),
          expect.stringMatching(/Mon, Nov 23/),
        ]);
        await telegram.getByText("As it came over the wire").click();
        expect(await telegram.locator("pre").innerText()).toContain('"precipitation_chance": 70');
        expect(await page.locator(".words p").allInnerTexts()).toEqual([
          "Light rain.",
          "Take the umbrella.",
        ]);
        expect(await page.locator("footer").innerText()).toContain("Weather from a table (CC0)");
        expect(chat.requests[0]!.messages).toEqual([
          { role: "system", content: "[twain]" },
          { role: "user", content: "Will it rain in Hannibal?" },
        ]);

        // The next question goes with the whole history, in the voice and to the model chosen now.
        await page.getByText("Dr. Franklin", { exact: true }).click();
        await page.getByLabel("Model").selectOption("nano");
        await ask(page, "And then?");
        await page.getByText("Colder.").waitFor();
        await settled(page);
        expect(chat.requests.at(-1)!.messages.map((message) => message.role)).toEqual([
          "system",
          "user",
          "assistant",
          "tool",
          "assistant",
          "user",
        ]);
        expect(chat.requests.at(-1)!.messages[0]).toEqual({
          role: "system",
          content: "[franklin]",
        });
        expect(await page.locator(".by-model").allInnerTexts()).toEqual(["twainbot", "nano"]);

        await page.getByRole("button", { name: "Fresh sheet" }).click();
        await page.waitForSelector(".front");
        await page.reload();
        await page.waitForSelector(".chip:not(:disabled)");
        expect(await page.getByLabel("Model").inputValue()).toBe("nano");
        expect(await page.getByLabel("Dr. Franklin").isChecked()).toBe(true);
      },
    );
  });

  test("markup in questions, answers and results stays text", async () => {
    const bomb = "<img src=x onerror=alert(1)><script>alert(2)</script>";
    const hostile = {
      ...tableWeather().tool,
      run: async () => ({ location: bomb, conditions: bomb, note: bomb }),
    };
    await visit(
      [
        { calls: [{ name: "get_forecast", arguments: { location: bomb } }] },
        { text: `**bold** ${bomb}` },
      ],
      async (page) => {
        await ask(page, bomb);
        await settled(page);
        expect(await page.locator(".words").innerText()).toBe(`**bold** ${bomb}`);
        expect(await page.locator(".letter-text").innerText()).toBe(bomb);
        expect(await page.locator(".telegram .place").innerText()).toBe(bomb);
        expect(await page.locator("#almanack img, #almanack script").count()).toBe(0);
      },
      [hostile],
    );
  });

  test("an answer can be stopped by button and by Escape, while a wire is out and while it is written", async () => {
    const { tool, seen } = endlessTool();
    const stuck = {
      text: "It is well known that",
      pause: (at: number) => (at < 3 ? Promise.resolve() : new Promise<void>(() => {})),
    };
    await visit(
      [forecast, stuck],
      async (page, chat) => {
        await ask(page, "Slow one?");
        await page.getByText("On the wire").waitFor();
        await page.getByRole("button", { name: "Stop" }).click();
        await page.getByText("Stopped at your request.").waitFor();
        await expect.poll(() => seen.aborted).toBe(1);
        await ask(page, "And this?");
        await page.getByText("It is well kno").waitFor();
        await page.keyboard.press("Escape");
        await expect.poll(() => chat.abandoned()).toBe(1);
        await settled(page);
        expect(await page.getByRole("button", { name: "Send" }).isVisible()).toBe(true);
      },
      [tool],
    );
  });

  test("failures are said in words and can be asked again; a full context drops the oldest letters", async () => {
    const overflow = new TwainError("generate/context-overflow", "too long");
    const scripts: Script[] = [
      { text: "It was", fail: { at: 1, error: new Error("lost") } },
      { text: "First answer." },
      (messages) =>
        messages.length > 2 ? { fail: { at: 0, error: overflow } } : { text: "Second answer." },
    ];
    await visit(scripts, async (page, _, server) => {
      await page
        .getByRole("button", { name: "Will it rain in Hannibal, Missouri tomorrow?" })
        .click();
      await page.getByRole("button", { name: "Ask again" }).click();
      await page.getByText("First answer.").waitFor();
      await settled(page);
      await ask(page, "More?");
      await page.getByText("Second answer.").waitFor();
      expect(await page.locator(".aside").innerText()).toContain("no longer fitted");
      await server.close(0);
      await ask(page, "Anyone?");
      await page.getByText("cannot be reached").waitFor();
    });
  });

  test("the edition switch changes the paper, and every control has a name", async () => {
    await visit({ text: "ok" }, async (page) => {
      const paper = () =>
        page.evaluate<string>("getComputedStyle(document.querySelector('.sheet')).backgroundColor");
      const light = await paper();
      const edition = page.getByRole("button", { name: /edition/i });
      await edition.click();
      await edition.click();
      expect(await paper()).not.toBe(light);
      const nameless = await page.evaluate<
        string[]
      >(`[...document.querySelectorAll("button, input, select, textarea")]
        .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.[0]?.textContent.trim()))
        .map((one) => one.outerHTML)`);
      expect(nameless).toEqual([]);
    });
  });
});
