/** The whole stage with scripted systems: a perfect one, a silent one, and every way to be wrong. */
import { mkdtemp, readFile, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type AssistantTurn,
  type Chat,
  type Message,
  type ToolCall,
  toWireTool,
} from "../core/chat.ts";
import { type ConversationRow } from "../core/conversation.ts";
import type { Document } from "../core/document.ts";
import type { RunEvent } from "../core/events.ts";
import type { JsonObject } from "../core/json.ts";
import { createRandom } from "../core/random.ts";
import { type Recipe, parseRecipe } from "../core/recipe.ts";
import { type RunDir, runDir } from "../core/run-dir.ts";
import type { StageContext } from "../core/stage.ts";
import { ToolCase } from "../core/tool-case.ts";
import { WEATHER_TOOLS } from "../weather/tools.ts";
import { type EvaluateConfig, createEvaluate } from "./evaluate.ts";
import { EvalReport, type Score } from "./report.ts";
import { scoreTable } from "./report-rows.ts";
import type { System } from "./system.ts";
import type { Sample } from "./task.ts";

const now = "2026-11-20T18:00:00Z";
const offered = WEATHER_TOOLS.map(toWireTool);

function toolCase(
  id: string,
  slice: ToolCase["slice"],
  question: string,
  expected: ToolCase["expected"],
): ToolCase {
  return {
    id,
    slice,
    messages: [{ role: "user", content: question }],
    tools: offered,
    expected,
    now,
  };
}
const call = (name: string, args: JsonObject): ToolCase["expected"][number] => ({
  name,
  arguments: args,
});

const cases: ToolCase[] = [
  toolCase("p1", "heldout-phrasing", "Rain in Hannibal tomorrow?", [
    call("get_weather", { location: "Hannibal, Missouri", date: "tomorrow" }),
  ]),
  toolCase("p2", "heldout-phrasing", "How is Boston now, in celsius?", [
    call("get_current_weather", { location: "Boston", units: "celsius" }),
  ]),
  toolCase("l1", "heldout-place", "Compare Paris and London tomorrow.", [
    call("get_weather", { location: "Paris", date: "tomorrow" }),
    call("get_weather", { location: "London", date: "tomorrow" }),
  ]),
  toolCase("b1", "heldout-both", "Two days of Hartford?", [
    call("get_forecast", { location: "Hartford", days: 2 }),
  ]),
  toolCase("n1", "no-tool", "Tell me a joke about rain.", []),
  toolCase("m1", "missing-location", "Will it rain tomorrow?", []),
];

const words = ["river", "boat", "lazy", "reckon", "mighty", "yarn"];
const others = ["virtue", "industry", "frugal", "method", "prudence", "almanack"];
const voicedDocument = (persona: "twain" | "franklin", i: number): Document => {
  const random = createRandom(i + (persona === "twain" ? 0 : 1000));
  const text = Array.from({ length: 40 }, () =>
    random.pick(persona === "twain" ? words : others),
  ).join(" ");
  return {
    id: `bundled:${persona}-${i}`,
    kind: "passage",
    text,
    source: "bundled",
    licence: "CC0-1.0",
    sha256: `${persona}${i}`,
    synthetic: true,
    extra: { persona },
  };
};

const testRow = (id: string, domain: "literary" | "tool"): ConversationRow => ({
  id,
  messages: [
    { role: "system", content: "You are Mark Twain." },
    { role: "user", content: "Well?" },
    { role: "assistant", content: "Well enough." },
  ],
  tags: { persona: "twain", domain, source: "test", synthetic: true },
  meta: { parents: [], licence: "CC0-1.0", split_key: id },
});

let root: string;
let dir: RunDir;
const recipe: Recipe = parseRecipe(
  {
    name: "test",
    data: { sources: [{ kind: "bundled" }] },
    base: { kind: "folder", path: "x" },
    train: { steps: 1, learningRate: 1e-3 },
    evaluate: { bootstrap: 200, concurrency: 3 },
  },
  "test",
);
const lines = (rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "evaluate-"));
  dir = runDir(root);
  await mkdir(dir.dataset.root, { recursive: true });
  await mkdir(join(root, "curate"));
  await writeFile(dir.dataset.toolCases, lines(cases.map((item) => ToolCase.parse(item))));
  await writeFile(
    dir.dataset.test,
    lines([testRow("r1", "literary"), testRow("r2", "tool"), testRow("r3", "literary")]),
  );
  await writeFile(
    dir.curated,
    lines(
      Array.from({ length: 40 }, (_, i) => [
        voicedDocument("twain", i),
        voicedDocument("franklin", i),
      ]).flat(),
    ),
  );
});
afterAll(() => rm(root, { recursive: true }));

/** A `Chat` from a function of the messages. */
const scripted = (answer: (messages: readonly Message[]) => Partial<AssistantTurn>): Chat =>
  // eslint-disable-next-line require-yield
  async function* (messages, options) {
    options?.signal?.throwIfAborted();
    await Promise.resolve();
    const turn = answer(messages);
    return {
      message: { role: "assistant", content: "" },
      finishReason: "stop",
      usage: { promptTokens: 1, completionTokens: 1 },
      ...turn,
    };
  };
const say = (content: string): Partial<AssistantTurn> => ({
  message: { role: "assistant", content },
});
const makeCalls = (calls: ToolCase["expected"]): Partial<AssistantTurn> => ({
  message: {
    role: "assistant",
    content: null,
    toolCalls: calls.map((made, i): ToolCall => ({ id: `call_${i}`, ...made })),
  },
});

const Day = z.looseObject({
  conditions: z.string(),
  high: z.number().optional(),
  low: z.number().optional(),
});
const Result = z.looseObject({
  location: z.string().default("nowhere"),
  temperature: z.number().optional(),
  conditions: z.string().default(""),
  high: z.number().optional(),
  low: z.number().optional(),
  days: z.array(Day).optional(),
});
type Result = z.infer<typeof Result>;
const cityOf = (result: Result): string => result.location.split(",")[0]!;

/** What a faithful assistant says of results. */
const faithful = (results: Result[]): string =>
  results
    .flatMap((result) => {
      const city = cityOf(result);
      if (result.temperature !== undefined) {
        return [`In ${city} it is ${result.temperature} degrees with ${result.conditions}.`];
      }
      return (result.days ?? [result]).map(
        (day) =>
          `In ${city} expect ${day.conditions}, a high of ${day.high} and a low of ${day.low}.`,
      );
    })
    .join(" ");
const resultsIn = (messages: readonly Message[]): Result[] =>
  messages
    .filter((message) => message.role === "tool")
    .map((message) => Result.parse(JSON.parse(message.content)));
const caseOf = (messages: readonly Message[]): ToolCase | undefined =>
  cases.find((item) =>
    messages.some(
      (message) => message.role === "user" && message.content === item.messages[0]!.content,
    ),
  );

interface Script {
  calls?: (expected: ToolCase["expected"], item: ToolCase) => Partial<AssistantTurn>;
  answer?: (gold: string, results: Result[]) => string;
  talk?: string;
}
/** Right in everything but what the script changes. */
const gold = ({
  calls = makeCalls,
  answer = (text) => text,
  talk = "the lazy river and a mighty yarn, I reckon",
}: Script = {}): Chat =>
  scripted((messages) => {
    const item = caseOf(messages);
    if (!item || item.expected.length === 0) return say(talk);
    const results = resultsIn(messages);
    return results.length > 0
      ? say(answer(faithful(results), results))
      : calls(item.expected, item);
  });

const system = (name: string, chat: Chat, nats = -2): System => ({
  name,
  chat,
  logProbs: async (rows) => rows.map((_, i) => ({ sum: nats * (4 + i), tokens: 4 + i, bytes: 12 })),
});

async function run(
  systems: System[],
  tasks: string[] = ["loss", "tools", "no-tool", "style"],
  signal = new AbortController().signal,
): Promise<{ report: EvalReport; samples: Sample[]; events: RunEvent[] }> {
  const stage = createEvaluate({ openSystems: async () => systems });
  const config = { ...recipe.evaluate, tasks: tasks as EvaluateConfig["tasks"] };
  const context: StageContext<EvaluateConfig> = {
    recipe: { ...recipe, evaluate: config },
    config,
    dir,
    fingerprint: "f",
    signal,
  };
  const events: RunEvent[] = [];
  for await (const event of stage.run(context)) events.push(event);
  const report = EvalReport.parse(JSON.parse(await readFile(dir.evaluate.json, "utf8")));
  const samples = (await readFile(dir.evaluate.samples, "utf8"))
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Sample);
  return { report, samples, events };
}
const valueOf = (
  report: EvalReport,
  metric: string,
  of = "adapter",
  slice?: string,
): number | undefined =>
  report.scores.find(
    (score: Score) => score.metric === metric && score.system === of && score.slice === slice,
  )?.value;

test("a perfect adapter against a silent base: every score, comparison, gate and file", async () => {
  const { report, samples, events } = await run([
    system(
      "base",
      scripted(() => say("virtue and industry")),
    ),
    system("adapter", gold(), -1),
  ]);
  expect(report.systems).toEqual(["base", "adapter"]);
  for (const metric of ["call-valid", "call-correct", "answer-grounded", "end-to-end"]) {
    expect(valueOf(report, metric)).toBe(1);
    expect(valueOf(report, metric, "base")).toBe(0);
    for (const slice of ["heldout-phrasing", "heldout-place", "heldout-both"])
      expect(valueOf(report, metric, "adapter", slice)).toBe(1);
  }
  expect(valueOf(report, "outcome/no-call", "base")).toBe(1);
  expect(valueOf(report, "false-call")).toBe(0);
  expect(valueOf(report, "loss", "base")).toBeCloseTo(2);
  expect(valueOf(report, "perplexity")).toBeCloseTo(Math.E);
  expect(valueOf(report, "bits-per-byte")).toBeCloseTo(15 / 36 / Math.LN2);
  expect(valueOf(report, "loss", "adapter", "tool")).toBeCloseTo(1);
  expect(valueOf(report, "p-twain")!).toBeGreaterThan(valueOf(report, "p-twain", "base")!);
  expect(valueOf(report, "auc", "classifier")).toBe(1);
  expect(report.gates.filter((gate) => !gate.pass)).toEqual([]);
  expect(report.comparisons.find((entry) => entry.metric === "loss")).toMatchObject({
    from: "base",
    to: "adapter",
    better: "lower",
  });
  expect(
    report.comparisons.find((entry) => entry.metric === "end-to-end" && !entry.slice),
  ).toMatchObject({ difference: 1, n: 4, p: 0.125 });
  // Input order, whatever finished first.
  expect(
    samples
      .filter((sample) => sample.task === "tools" && sample.system === "base")
      .map((sample) => sample.id),
  ).toEqual(["p1", "p2", "l1", "b1"]);
  expect(events.filter((event) => event.type === "score").length).toBeGreaterThan(10);
  expect(scoreTable(report)).toMatch(/tools: end-to-end +0\.0 % .* 100\.0 % .*better +4/);
  expect(await readFile(dir.evaluate.markdown, "utf8")).toContain("| tools | end-to-end |");
  expect(await readFile(dir.evaluate.junit, "utf8")).toContain('failures="0"');
});

const mutate = (
  change: (first: ToolCase["expected"][number]) => { name: string; arguments: unknown },
): Script => ({
  calls: ([first, ...rest]) => makeCalls([change(first!) as ToolCase["expected"][number], ...rest]),
});

describe("every mutation of every gold call is caught", () => {
  const mutations: [string, Script, string][] = [
    [
      "an extra argument",
      mutate((made) => ({
        ...made,
        arguments: { ...made.arguments, units: made.arguments["units"] ? "fahrenheit" : "celsius" },
      })),
      "wrong-args",
    ],
    [
      "an argument that no schema has",
      mutate((made) => ({ ...made, arguments: { ...made.arguments, hour: 3 } })),
      "schema",
    ],
    [
      "a wrong value",
      mutate((made) => ({ ...made, arguments: { ...made.arguments, location: "Buffalo" } })),
      "wrong-args",
    ],
    [
      "a wrong type",
      mutate((made) => ({ ...made, arguments: { ...made.arguments, location: 7 } })),
      "schema",
    ],
    ["a missing argument", mutate((made) => ({ ...made, arguments: {} })), "schema"],
    [
      "a tool that is not offered",
      mutate((made) => ({ ...made, name: "get_tides" })),
      "wrong-tool",
    ],
    [
      "text for arguments",
      mutate((made) => ({ ...made, arguments: JSON.stringify(made.arguments) })),
      "invalid-json",
    ],
    [
      "the call twice",
      { calls: (expected) => makeCalls([...expected, expected[0]!]) },
      "extra-call",
    ],
    ["no call", { calls: () => say("It will surely rain.") }, "no-call"],
    [
      "broken markup",
      { calls: () => ({ ...say('<tool_call>{"name":'), malformedCall: '<tool_call>{"name":' }) },
      "invalid-json",
    ],
  ];
  test.each(mutations)("%s", async (_, script, outcome) => {
    const { report, samples } = await run([system("adapter", gold(script))], ["tools"]);
    expect(valueOf(report, "call-correct")).toBe(0);
    expect(valueOf(report, "end-to-end")).toBe(0);
    expect(valueOf(report, `outcome/${outcome}`)).toBe(1);
    expect(valueOf(report, "call-valid")).toBe(
      ["wrong-args", "extra-call"].includes(outcome) ? 1 : 0,
    );
    expect(samples.every((sample) => sample.outcome === outcome)).toBe(true);
    expect(report.gates.every((gate) => !gate.pass)).toBe(true);
  });

  test("another tool that is offered, and one call of two", async () => {
    const swap = mutate(({ arguments: args }) => ({
      name: "get_current_weather",
      arguments: { location: args["location"]!, units: "celsius" },
    }));
    const { samples } = await run([system("adapter", gold(swap))], ["tools"]);
    expect(samples.map((sample) => sample.outcome)).not.toContain("extra-call");
    expect(
      samples
        .filter((sample) => ["p1", "b1"].includes(sample.id))
        .every((sample) => sample.outcome === "wrong-tool"),
    ).toBe(true);
    const half = await run(
      [system("adapter", gold({ calls: (expected) => makeCalls(expected.slice(0, 1)) }))],
      ["tools"],
    );
    expect(half.samples.find((sample) => sample.id === "l1")!.outcome).toBe("missing-call");
  });
});

describe("every mutation of every gold answer is caught", () => {
  const numberIn = ({ days, high, temperature }: Result): number =>
    days?.[0]?.high ?? high ?? temperature ?? NaN;
  const mutations: [string, NonNullable<Script["answer"]>][] = [
    [
      "a wrong temperature",
      (text, [first]) => text.replace(String(numberIn(first!)), String(numberIn(first!) + 37)),
    ],
    ["an invented number", (text) => `${text} The humidity is 97.5 percent.`],
    ["an invented storm", (text) => `${text} A blizzard and a hurricane are coming.`],
    [
      "no place",
      (text, results) =>
        results.reduce((left, result) => left.replaceAll(cityOf(result), "there"), text),
    ],
    ["another date", (text) => `${text} That is for 2031-01-01.`],
    ["silence", () => ""],
    ["chatter without weather", () => "I would rather not say."],
  ];
  test.each(mutations)("%s", async (_, answer) => {
    const { report, samples } = await run([system("adapter", gold({ answer }))], ["tools"]);
    expect(valueOf(report, "call-correct")).toBe(1);
    expect(valueOf(report, "answer-grounded")).toBe(0);
    expect(valueOf(report, "end-to-end")).toBe(0);
    expect(samples.every((sample) => sample.outcome === "ungrounded" && sample.note)).toBe(true);
  });

  test("a second call in place of an answer", async () => {
    let turn = 0;
    const chat = scripted((messages) => {
      turn++;
      return makeCalls(caseOf(messages)!.expected);
    });
    const { report } = await run([system("adapter", chat)], ["tools"]);
    expect(valueOf(report, "answer-grounded")).toBe(0);
    expect(turn).toBe(8);
  });
});

test("where no call is right: calls, broken markup and invented weather are three things", async () => {
  const chat = scripted((messages) =>
    caseOf(messages)!.id === "n1"
      ? { ...say("<tool_call>{"), malformedCall: "<tool_call>{" }
      : say("It will be 62 degrees."),
  );
  const { report, samples } = await run(
    [
      system(
        "base",
        scripted(() => makeCalls(cases[0]!.expected)),
      ),
      system("adapter", chat),
    ],
    ["no-tool"],
  );
  expect(valueOf(report, "false-call", "base")).toBe(1);
  expect(valueOf(report, "false-call")).toBe(0);
  expect(valueOf(report, "malformed-call")).toBe(0.5);
  expect(valueOf(report, "invented-weather", "adapter", "missing-location")).toBe(1);
  expect(
    samples.filter((sample) => sample.system === "adapter").map((sample) => sample.outcome),
  ).toEqual(["malformed-call", "invented-weather"]);
  expect(samples.some((sample) => sample.outcome === "correct")).toBe(false);
});

describe("what fails the run, never the item", () => {
  test("a chat that throws", async () => {
    const chat = scripted((messages) => {
      if (caseOf(messages)?.id === "l1") throw new Error("out of memory");
      return say("hm");
    });
    await expect(run([system("adapter", chat)], ["tools"])).rejects.toThrow("out of memory");
  });

  test("a tool or checker that throws", async () => {
    const good = await readFile(dir.dataset.toolCases, "utf8");
    await writeFile(dir.dataset.toolCases, good.replaceAll(now, "once upon a time"));
    await expect(run([system("adapter", gold())], ["tools"])).rejects.toThrow();
    await writeFile(dir.dataset.toolCases, good);
  });

  test("a loss of zero, NaN, or no trained token", async () => {
    for (const bad of [
      { sum: 0, tokens: 3, bytes: 3 },
      { sum: NaN, tokens: 3, bytes: 3 },
      { sum: -1, tokens: 0, bytes: 3 },
    ]) {
      const broken: System = {
        name: "adapter",
        chat: gold(),
        logProbs: async (rows) => rows.map(() => bad),
      };
      await expect(run([broken], ["loss"])).rejects.toMatchObject({
        code: "evaluate/bad-log-prob",
      });
    }
  });

  test("an abort, and systems are closed all the same", async () => {
    let closed = 0;
    const controller = new AbortController();
    const chat = scripted(() => {
      controller.abort();
      return say("");
    });
    const systems = [{ ...system("adapter", chat), close: async () => void closed++ }];
    await expect(run(systems, ["tools"], controller.signal)).rejects.toThrow(/abort/i);
    expect(closed).toBe(1);
  });
});

test("rows that do not fit one system's context are left out for all, and it is said", async () => {
  const short: System = {
    name: "adapter",
    chat: gold(),
    logProbs: async (rows) =>
      rows.map((row) => (row.id === "r2" ? undefined : { sum: -3, tokens: 3, bytes: 9 })),
  };
  const { report, events } = await run([system("base", gold()), short], ["loss"]);
  expect(report.scores.filter((score) => score.metric === "loss").map((score) => score.n)).toEqual([
    2, 2,
  ]);
  expect(events.find((event) => event.type === "notice")).toMatchObject({
    message: expect.stringContaining("1 of 3") as string,
  });
  const lazy: System = { ...short, logProbs: async () => [] };
  await expect(run([lazy], ["loss"])).rejects.toThrow("scored 0 of 3");
});

test("an unknown task is named before anything runs", () => {
  const stage = createEvaluate({ openSystems: async () => [] });
  expect(() =>
    stage.config({ ...recipe, evaluate: { ...recipe.evaluate, tasks: ["lost"] } }),
  ).toThrow(expect.objectContaining({ code: "evaluate/unknown-task", hint: "Did you mean loss?" }));
});

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
