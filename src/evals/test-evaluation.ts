/** A run folder to evaluate, scripted systems that are right or wrong in it, and the stage on them, for tests. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
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
import type { System } from "./system.ts";
import type { Sample } from "./task.ts";

export const now = "2026-11-20T18:00:00Z";
const offered = WEATHER_TOOLS.map(toWireTool);

function toolCase(
  id: string,
  slice: ToolCase["slice"],
  question: string,
  expected: ToolCase["expected"],
  before: ToolCase["messages"] | [] = [],
): ToolCase {
  const [first, ...rest] = [...before, { role: "user" as const, content: question }];
  return {
    id,
    slice,
    messages: [first!, ...rest],
    tools: offered,
    expected,
    now,
  };
}
const call = (name: string, args: JsonObject): ToolCase["expected"][number] => ({
  name,
  arguments: args,
});

/** Another town's weather, which must not be taken for the one that is asked about now. */
const answeredBefore: ToolCase["messages"] = [
  { role: "user", content: "How is Albany?" },
  {
    role: "assistant",
    tool_calls: [
      {
        id: "call_before",
        type: "function",
        function: { name: "get_current_weather", arguments: '{"location":"Albany"}' },
      },
    ],
  },
  {
    role: "tool",
    tool_call_id: "call_before",
    content: JSON.stringify({
      location: "Albany, New York, United States",
      conditions: "heavy snow",
      temperature: 17,
      units: "fahrenheit",
    }),
  },
  { role: "assistant", content: "In Albany it is 17 degrees with heavy snow." },
];

export const cases: ToolCase[] = [
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
  toolCase(
    "s1",
    "second-question",
    "And rain in Quincy on Friday?",
    [call("get_weather", { location: "Quincy", date: "Friday" })],
    answeredBefore,
  ),
  toolCase(
    "f1",
    "follow-up",
    "And in Elmira?",
    [call("get_current_weather", { location: "Elmira" })],
    answeredBefore,
  ),
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

export const recipe: Recipe = parseRecipe(
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

/** A `Chat` from a function of the messages. */
export const scripted = (answer: (messages: readonly Message[]) => Partial<AssistantTurn>): Chat =>
  // eslint-disable-next-line require-yield -- a Chat may send its turn without a delta
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

export const say = (content: string): Partial<AssistantTurn> => ({
  message: { role: "assistant", content },
});
export const makeCalls = (calls: ToolCase["expected"]): Partial<AssistantTurn> => ({
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
export type Result = z.infer<typeof Result>;
export const cityOf = (result: Result): string => result.location.split(",")[0]!;

/** What was said and done from the last question on. */
const lately = (messages: readonly Message[]): readonly Message[] =>
  messages.slice(messages.findLastIndex((message) => message.role === "user"));

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
  lately(messages)
    .filter((message) => message.role === "tool")
    .map((message) => Result.parse(JSON.parse(message.content)));
export const caseOf = (messages: readonly Message[]): ToolCase | undefined =>
  cases.find((item) => item.messages.at(-1)!.content === lately(messages)[0]!.content);

export interface Script {
  calls?: (expected: ToolCase["expected"], item: ToolCase) => Partial<AssistantTurn>;
  answer?: (gold: string, results: Result[]) => string;
  talk?: string;
}
/** Right in everything but what the script changes. */
export const gold = ({
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

export const system = (name: string, chat: Chat, nats = -2): System => ({
  name,
  chat,
  logProbs: async (rows) => rows.map((_, i) => ({ sum: nats * (4 + i), tokens: 4 + i, bytes: 12 })),
});

/** A run folder of its own under the system's temporary folder, and the stage that works in it. */
export function testEvaluation() {
  const root = join(tmpdir(), `evaluate-${randomUUID()}`);
  const dir: RunDir = runDir(root);
  const write = async (): Promise<void> => {
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
  };
  const remove = (): Promise<void> => rm(root, { recursive: true });

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
  return { dir, write, remove, run };
}

export const valueOf = (
  report: EvalReport,
  metric: string,
  of = "adapter",
  slice?: string,
): number | undefined =>
  report.scores.find(
    (score: Score) => score.metric === metric && score.system === of && score.slice === slice,
  )?.value;
