import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gold, say, scripted, system, testEvaluation } from "./test-evaluation.ts";

const { dir, run, write, remove } = testEvaluation();
beforeAll(write);
afterAll(remove);

test("no answer of a model becomes markup in the page, the table or the XML", async () => {
  const evil = `<script>alert("1")</script><img src=x onerror='go()'>\u0000 & |pipe|`;
  const { report } = await run([
    system(
      "base",
      scripted(() => say(evil)),
    ),
    system("adapter", gold({ answer: (text) => text + evil, talk: evil })),
  ]);
  const page = await readFile(dir.evaluate.html, "utf8");
  expect(page).toContain(
    "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&lt;img src=x onerror=&#39;go()&#39;&gt;",
  );
  expect(page).not.toMatch(/<script|<img|\u0000/);
  report.gates.push({ name: evil, want: evil, got: evil, pass: false });
  const { junitReport, markdownReport } = await import("./report-text.ts");
  const xml = junitReport(evil, report);
  expect(xml).not.toMatch(/<script|<img|\u0000/);
  expect(xml.match(/<testcase /g)).toHaveLength(report.gates.length);
  expect(markdownReport("x", report)).not.toMatch(/<script|<img/);
});
