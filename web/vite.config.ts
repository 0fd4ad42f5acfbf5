/** Builds the page into `web/dist`, which the server reads at start. */
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // The page's policy allows files of its own origin only: nothing inline, nothing as data.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // `npx vite web` beside a running server, for work on the page.
  server: { proxy: { "/v1": "http://127.0.0.1:8787", "/api": "http://127.0.0.1:8787" } },
});
