/**
 * A page as a browser shows it, for pages that scripts write. The browser reaches no network of its own: all that it
 * asks for goes through the same guarded downloads as everything else.
 */
import type { Browser, Route } from "playwright-core";
import { TwainError } from "../../core/errors.ts";

export interface PageFile {
  type: string;
  bytes: Uint8Array;
}

export interface BrowserOptions {
  signal: AbortSignal;
  /** What the page asks for beside itself; undefined where it gets nothing. */
  fetch: (url: string) => Promise<PageFile | undefined>;
  /** The program, by default playwright's own. */
  executablePath?: string;
  load?: () => Promise<Pick<typeof import("playwright-core"), "chromium">>;
}

export interface PageBrowser {
  /** The HTML of the page after its scripts have run. `file` is the page itself. */
  render(url: string, file: PageFile): Promise<string>;
  close(): Promise<void>;
}

const MAX_REQUESTS = 60;
const MAX_BYTES = 24 << 20;
const SETTLE_MS = 5000;
const PAGE_MS = 30_000;
/** Text needs no pictures, fonts or styles. */
const WANTED = new Set(["document", "script", "xhr", "fetch"]);

/** Throws `collect/no-browser`. */
export async function openBrowser(options: BrowserOptions): Promise<PageBrowser> {
  const { signal, load = () => import("playwright-core") } = options;
  signal.throwIfAborted();
  let browser: Browser;
  try {
    const { chromium } = await load();
    browser = await chromium.launch({
      ...(options.executablePath && { executablePath: options.executablePath }),
      // Chromium refuses its sandbox to root.
      chromiumSandbox: process.getuid?.() !== 0,
      // Nothing listens there: what is not answered by us, sockets included, reaches nobody.
      proxy: { server: "http://127.0.0.1:9", bypass: "<-loopback>" },
      args: ["--webrtc-ip-handling-policy=disable_non_proxied_udp"],
    });
  } catch (cause) {
    const missing =
      cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
    throw new TwainError(
      "collect/no-browser",
      missing
        ? "the recipe asks for a browser and playwright-core is not installed"
        : `the browser cannot be started: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
      {
        hint: missing
          ? "Install it (npm install playwright-core) and set CHROMIUM to the path of a Chromium, or leave browser out of data.sources."
          : "Set CHROMIUM to the path of a Chromium, or leave browser out of data.sources.",
        cause,
      },
    );
  }
  const close = (): void => void browser.close().catch(() => {});
  signal.addEventListener("abort", close, { once: true });

  return {
    async render(url, file) {
      const context = await browser.newContext({ serviceWorkers: "block", acceptDownloads: false });
      let requests = 0;
      let bytes = file.bytes.length;
      const answer = async (route: Route): Promise<void> => {
        const request = route.request();
        const asked = request.url().replace(/#.*$/, "");
        const main = request.isNavigationRequest() && asked === url && requests === 0;
        const wanted = request.method() === "GET" && WANTED.has(request.resourceType());
        if (!wanted || requests++ >= MAX_REQUESTS || bytes > MAX_BYTES) return route.abort();
        const found = main ? file : await options.fetch(asked).catch(() => undefined);
        if (!found) return route.abort();
        if (!main) bytes += found.bytes.length;
        await route.fulfill({
          status: 200,
          headers: { "content-type": found.type, "access-control-allow-origin": "*" },
          body: Buffer.from(found.bytes),
        });
      };
      try {
        // A page that was closed meanwhile needs no answer.
        await context.route("**/*", (route) => answer(route).catch(() => {}));
        const page = await context.newPage();
        await page.goto(url, { waitUntil: "load", timeout: PAGE_MS });
        await page.waitForLoadState("networkidle", { timeout: SETTLE_MS }).catch(() => {});
        return await page.content();
      } catch (cause) {
        signal.throwIfAborted();
        throw new TwainError(
          "collect/unreachable",
          `the browser could not show ${url}: ${cause instanceof Error ? cause.message.split("\n")[0] : String(cause)}`,
          { cause },
        );
      } finally {
        await context.close().catch(() => {});
      }
    },
    async close() {
      signal.removeEventListener("abort", close);
      await browser.close().catch(() => {});
    },
  };
}
