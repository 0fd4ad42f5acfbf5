import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { WrittenConfig } from "../../core/written-config.ts";
import { openAnswerCache } from "./answer-cache.ts";
import { createBudget } from "./budget.ts";
import { openEndpoint } from "./endpoint.ts";
import type { Prompt } from "./prompt.ts";
import { type Script, type TestEndpoint, startTestEndpoint } from "./test-endpoint.ts";
import { type FailedRequest, type TaskResult, writeTexts } from "./write-texts.ts";
import { type WrittenTask, Unusable } from "./written-kind.ts";

let server: TestEndpoint;
let folder: string;
let cache: string;
beforeAll(async () => {
  server = await startTestEndpoint();
  folder = await mkdtemp(join(tmpdir(), "twainbot-texts-"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  cache = await mkdtemp(join(folder, "cache-"));
  server.requests = [];
  server.most = 0;
  server.answer = good;
});

const KEY = "sk-very-secret-0987654321";

const good = (asked: { messages: { content: string }[] }): string =>
  JSON.stringify({ text: `The weather of ${asked.messages[1]!.content} is its own affair.` });
const subject = (asked: { messages: { content: string }[] }): string => asked.messages[1]!.content;

const configOf = (more: object = {}): WrittenConfig =>
  WrittenConfig.parse({
    endpoint: { url: server.url, model: "m", terms: "t" },
    kinds: { hybrid: 1 },
    attempts: 2,
    ...more,
  });

const prompt = (more: Partial<Prompt> = {}): Prompt => ({
  version: "p@1",
  system: "Write.",
  user: "{subject}",
  ...more,
});

function taskOf(name: string, asked = prompt()): WrittenTask {
  return {
    id: `written:test:${name}`,
    kind: "joke",
    persona: "twain",
    parents: [],
    licence: "CC0-1.0",
    given: name,
    write: async (ask) => [
      (await ask(asked, { subject: name }, z.object({ text: z.string() }))).text,
    ],
    // Everything that names its subject passes.
    finish: async (text) =>
      text.includes(name)
        ? {
            row: {
              persona: "twain",
              domain: "humour",
              template: "t",
              splitKey: "k",
              messages: [{ role: "assistant", content: text }],
            },
          }
        : { reason: "off the subject" },
  };
}
const tasks = (count: number, asked = prompt()): WrittenTask[] =>
  Array.from({ length: count }, (_, i) => taskOf(`Town ${i}`, asked));

async function write(
  config: WrittenConfig,
  asked: readonly WrittenTask[],
  signal = new AbortController().signal,
): Promise<{ results: TaskResult[]; failures: FailedRequest[]; progress: number }> {
  const failures: FailedRequest[] = [];
  const work = writeTexts(asked, {
    config,
    endpoint: openEndpoint({ config, key: () => KEY, fetch, backOff: 0.01 }),
    cache: openAnswerCache(cache),
    budget: createBudget(config.budget, config.prices),
    requests: () => 2,
    onFailure: async (failure) => {
      failures.push(failure);
    },
    signal,
  });
  for (let progress = 0; ; progress++) {
    const next = await work.next();
    if (next.done) return { results: next.value, failures, progress };
  }
}
const textsOf = (results: readonly TaskResult[]): unknown[] =>
  results.map(({ texts, reason, label, spent }) => ({ texts, reason, label, spent }));

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => (error as { code?: string }).code ?? error,
  );

test("results in the plan's order for any concurrency, and never more at once than allowed", async () => {
  server.answer = async (asked) => {
    // The first are the slowest.
    await new Promise((resolve) =>
      setTimeout(resolve, 40 - 4 * Number(subject(asked).split(" ")[1])),
    );
    return good(asked);
  };
  const one = await write(configOf({ concurrency: 1 }), tasks(10));
  expect(server.most).toBe(1);
  expect(one.results.map(({ task }) => task.given)).toEqual(tasks(10).map(({ given }) => given));
  expect(one.progress).toBe(10);
  cache = await mkdtemp(join(folder, "cache-"));
  const many = await write(configOf({ concurrency: 4 }), tasks(10));
  expect(server.most).toBe(4);
  expect(textsOf(many.results)).toEqual(textsOf(one.results));
});

test("what decides an answer decides whether it is asked for again; nothing else does", async () => {
  const asked = async (config: object, from = prompt()): Promise<number> => {
    const before = server.requests.length;
    await write(configOf(config), tasks(2, from));
    return server.requests.length - before;
  };
  const endpoint = { url: server.url, model: "m", terms: "t" };
  expect(await asked({})).toBe(2);
  for (const same of [
    {},
    { concurrency: 9 },
    { budget: { requests: 5 } },
    { tries: 3 },
    { attempts: 4 },
  ])
    expect(await asked(same), JSON.stringify(same)).toBe(0);
  const others = [
    { temperature: 0.7 },
    { temperature: null },
    { topP: 0.9 },
    { maxTokens: 501 },
    { endpoint: { ...endpoint, model: "n" } },
    { endpoint: { ...endpoint, url: server.url.replace("127.0.0.1", "localhost") } },
    { endpoint: { ...endpoint, body: { seed: 4 } } },
    { endpoint: { ...endpoint, tokenLimit: "max_completion_tokens" } },
  ];
  for (const other of others) expect(await asked(other), JSON.stringify(other)).toBe(2);
  expect(await asked({}, prompt({ version: "p@2" }))).toBe(2);
  expect(await asked({}, prompt({ system: "Write well." }))).toBe(2);
  expect(await asked({})).toBe(0);
});

test("a damaged file of the cache is asked for again", async () => {
  await write(configOf(), tasks(1));
  const [name] = (await readdir(cache, { recursive: true })).filter((each) =>
    each.endsWith(".json"),
  );
  const path = join(cache, name!);
  const whole = await readFile(path, "utf8");
  await writeFile(path, whole.slice(0, 90));
  const { results } = await write(configOf(), tasks(1));
  expect(results[0]!.texts).toHaveLength(1);
  expect(server.requests).toHaveLength(2);
});

test.each<[string, Script]>([
  ["prose instead of JSON", "The sky over Town 0 is blue."],
  ["refusal", "I'm sorry, but I can't help with that."],
  ["refusal", { content: "", finish: "content_filter" }],
  ["cut off", { content: '{"text": "The weather of', finish: "length" }],
  ["wrong JSON", '{"reply": "x"}'],
  ["speaks as a machine", '{"text": "As an AI language model, I have no umbrella in Town 0."}'],
  ["anachronism", '{"text": "My smartphone knows nothing of Town 0."}'],
  ["talks about the task", '{"text": "Here is a remark about Town 0: it rains."}'],
  ["markup", '{"text": "**Town 0** is wet."}'],
  ["off the subject", '{"text": "It rains elsewhere."}'],
  ["empty answer", '{"text": " "}'],
  ["empty answer", { content: null }],
])(
  "%s: a drop with a reason, asked for once more as another sample: %j",
  async (reason, script) => {
    server.answer = () => script;
    const { results } = await write(configOf(), tasks(1));
    expect(results).toMatchObject([
      { texts: [], reason, label: { sample: 1 }, spent: { requests: 2 } },
    ]);
    expect(server.requests).toHaveLength(2);
    // They are answers: nobody pays for them twice.
    await write(configOf(), tasks(1));
    expect(server.requests).toHaveLength(2);
    server.answer = good;
    const { results: more } = await write(configOf({ tries: 3 }), tasks(1));
    expect(more).toMatchObject([{ texts: [expect.any(String) as string], label: { sample: 2 } }]);
  },
);

test("greedy answers are asked for once: the second would be the first", async () => {
  server.answer = () => "prose";
  await write(configOf({ temperature: 0 }), tasks(1));
  expect(server.requests).toHaveLength(1);
});

test("a voice may say a modern word that it was given, and no other", async () => {
  server.answer = () => '{"text": "At the airport of Town 0 it rains."}';
  const given = (text: string): WrittenTask => ({ ...tasks(1)[0]!, given: text });
  expect((await write(configOf(), [given("the airport")])).results[0]!.reason).toBeUndefined();
  expect((await write(configOf(), [given("the harbour")])).results[0]!.reason).toBe("anachronism");
  const neutral: WrittenTask = { ...given(""), persona: "neutral" };
  expect((await write(configOf(), [neutral])).results[0]!.reason).toBeUndefined();
});

describe("failures", () => {
  const broken = (asked: { messages: { content: string }[] }): boolean =>
    /[147]$/.test(subject(asked));

  test("are no answers: the next run asks for them and nothing else", async () => {
    server.answer = (asked) =>
      broken(asked) ? { status: 429, headers: { "retry-after": "0" } } : good(asked);
    const first = await write(configOf({ concurrency: 3 }), tasks(10));
    expect(first.failures.map((each) => each.task).toSorted()).toEqual(
      [1, 4, 7].map((i) => `written:test:Town ${i}`),
    );
    for (const failure of first.failures)
      expect(failure).toMatchObject({ class: "rate-limited", attempts: 2 });
    expect(first.results[4]).toMatchObject({ texts: [], reason: "failed: rate-limited" });
    server.answer = good;
    server.requests = [];
    const second = await write(configOf({ concurrency: 3 }), tasks(10));
    expect(server.requests.map(subject).toSorted()).toEqual(["Town 1", "Town 4", "Town 7"]);
    expect(second.failures).toEqual([]);
    cache = await mkdtemp(join(folder, "cache-"));
    expect(textsOf((await write(configOf(), tasks(10))).results)).toEqual(textsOf(second.results));
  });

  test("eight in a row, and the endpoint is given up", async () => {
    server.answer = () => "destroy";
    expect(await codeOf(write(configOf({ attempts: 1, concurrency: 2 }), tasks(400)))).toBe(
      "data/endpoint-gone",
    );
    expect(server.requests.length).toBeLessThan(12);
  });

  test("refused requests are not a sign of that: each may have its own reason", async () => {
    server.answer = (asked) => (subject(asked) === "Town 19" ? good(asked) : { status: 400 });
    const { results } = await write(configOf(), tasks(20));
    expect(results[19]!.texts).toHaveLength(1);
  });

  test("a refused key ends everything that is in flight", async () => {
    let count = 0;
    server.answer = (asked) => (++count === 3 ? { status: 401 } : count < 3 ? good(asked) : "hang");
    expect(await codeOf(write(configOf({ concurrency: 4 }), tasks(30)))).toBe(
      "data/endpoint-access",
    );
    expect(server.requests.length).toBeLessThan(8);
  });
});

test("the key is sent, and stands in no answer, no failure and no file", async () => {
  server.answer = (asked) =>
    subject(asked) === "Town 1"
      ? { status: 400, body: JSON.stringify({ error: `wrong key ${KEY}` }) }
      : subject(asked) === "Town 2"
        ? JSON.stringify({ text: `Town 2 heard ${KEY}.` })
        : good(asked);
  const { results, failures } = await write(configOf(), tasks(4));
  expect(server.requests.every(({ authorization }) => authorization === `Bearer ${KEY}`)).toBe(
    true,
  );
  expect(failures).toHaveLength(2);
  expect(JSON.stringify([results, failures])).not.toContain(KEY);
  const files = (await readdir(cache, { recursive: true })).filter((name) =>
    name.endsWith(".json"),
  );
  expect(files).toHaveLength(2);
  for (const name of files) expect(await readFile(join(cache, name), "utf8")).not.toContain(KEY);
});

test("an abort ends it at once; a resume asks for what is left and gives the same", async () => {
  const abort = new AbortController();
  let answered = 0;
  server.answer = (asked) => {
    if (answered >= 5) {
      setImmediate(() => abort.abort());
      return "hang";
    }
    answered++;
    return good(asked);
  };
  await expect(write(configOf({ concurrency: 2 }), tasks(12), abort.signal)).rejects.toMatchObject({
    name: "AbortError",
  });
  server.answer = good;
  server.requests = [];
  const resumed = await write(configOf({ concurrency: 2 }), tasks(12));
  // The fifth answer may still have been on its way to the other of the two.
  expect([7, 8]).toContain(server.requests.length);
  cache = await mkdtemp(join(folder, "cache-"));
  expect(textsOf((await write(configOf(), tasks(12))).results)).toEqual(textsOf(resumed.results));
});

test("a budget ends at the same text for any concurrency and for a resumed run; a larger one goes on", async () => {
  let tried = new Set<string>();
  // One in three needs two attempts, which both count.
  server.answer = (asked) => {
    const first = !tried.has(subject(asked));
    tried.add(subject(asked));
    return first && /[0369]$/.test(subject(asked))
      ? { status: 429, headers: { "retry-after": "0" } }
      : good(asked);
  };
  const budget = { requests: 8 };
  const one = await write(configOf({ budget, concurrency: 1 }), tasks(12));
  expect(server.requests).toHaveLength(8);
  expect(one.results.map(({ reason }) => reason)).toContain("not asked: budget");
  const again = await write(configOf({ budget, concurrency: 5 }), tasks(12));
  expect(server.requests).toHaveLength(8);
  expect(textsOf(again.results)).toEqual(textsOf(one.results));
  cache = await mkdtemp(join(folder, "cache-"));
  tried = new Set();
  const many = await write(configOf({ budget, concurrency: 5 }), tasks(12));
  expect(textsOf(many.results)).toEqual(textsOf(one.results));
  await write(configOf({ budget: { requests: 11 }, concurrency: 5 }), tasks(12));
  expect(server.requests).toHaveLength(8 + 8 + 3);
});

test("tokens and money end it too, before they are overspent", async () => {
  const tokens = await write(configOf({ budget: { tokens: 2000 } }), tasks(30));
  const spent = tokens.results.reduce((sum, each) => sum + each.spent.input + each.spent.output, 0);
  expect(spent).toBeGreaterThan(1000);
  expect(spent).toBeLessThanOrEqual(2000);
  cache = await mkdtemp(join(folder, "cache-"));
  const prices = { input: 1, output: 100 };
  const money = await write(configOf({ budget: { cost: 0.1 }, prices }), tasks(60));
  const paid = money.results.filter(({ texts }) => texts.length > 0).length;
  // 100 tokens of prompt and 20 of answer: 0.0021 each, and one of 500 tokens must still be paid for.
  expect(paid).toBeGreaterThan(20);
  expect(paid * 0.0021).toBeLessThanOrEqual(0.1);
});

test("two requests of one task, and several texts of one answer", async () => {
  const two: WrittenTask = {
    ...tasks(1)[0]!,
    async write(ask) {
      const schema = z.object({ text: z.string() });
      const first = await ask(prompt(), { subject: "Town 0" }, schema);
      if (first.text === "") throw new Unusable("nothing");
      const second = await ask(prompt(), { subject: first.text }, schema);
      return [first.text, second.text, ""];
    },
  };
  const { results } = await write(configOf(), [two]);
  expect(results[0]!.texts).toHaveLength(3);
  expect(results[0]!.spent).toEqual({ requests: 2, input: 200, output: 40 });
  expect(subject(server.requests[1]!)).toBe(results[0]!.texts[0]);
});

test("equal requests of two tasks are asked for once", async () => {
  const twins = [tasks(1)[0]!, { ...tasks(1)[0]!, id: "written:test:twin" }];
  const { results } = await write(configOf({ concurrency: 2 }), twins);
  expect(server.requests).toHaveLength(1);
  expect(results[1]!.texts).toEqual(results[0]!.texts);
});
