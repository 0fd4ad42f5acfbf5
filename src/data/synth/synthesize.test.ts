import { beforeAll, describe, expect, test } from "vitest";
import { WireTool } from "../../core/chat.ts";
import { type Conversation, ConversationRow, toRow } from "../../core/conversation.ts";
import { Document } from "../../core/document.ts";
import { createRandom } from "../../core/random.ts";
import { type Recipe, parseRecipe } from "../../core/recipe.ts";
import { ToolCase, ToolSlice } from "../../core/tool-case.ts";
import { createSimulator } from "./simulator.ts";
import { loadPlaces, plainName } from "../../weather/place.ts";
import { questionKey } from "./cases.ts";
import { makeDrills } from "./drills.ts";
import { episodeSplitKeys, onTrainSide, phrasingsOf } from "./question-templates.ts";
import { loadVoices } from "./voices.ts";
import { IMITATE } from "./instruction-templates.ts";
import { makeInstructions } from "./instructions.ts";
import { type Synthesized, synthesize } from "./synthesize.ts";
import { topicOf } from "./topic.ts";

const signal = new AbortController().signal;
const config: Recipe["curate"] = parseRecipe(
  {
    name: "test",
    data: { sources: [{ kind: "bundled" }] },
    curate: { episodes: { train: 600, cases: 60 }, drills: 400 },
    base: { kind: "folder", path: "x" },
    train: { steps: 1, learningRate: 1 },
  },
  "test",
).curate;

const document = (
  id: string,
  kind: Document["kind"],
  text: string,
  extra: Document["extra"],
): Document =>
  Document.parse({ id, kind, text, source: "test", licence: "CC0-1.0", sha256: "0", extra });

const chunk =
  "The river rose in the night. We heard the river at the door, and the river did not knock. It took the fence first, then the mule, and at last the deacon, who had been explaining it to us.";
const documents = [
  document("quip", "aphorism", "Fog is kind to a plain town.", { persona: "twain", topic: "fog" }),
  document("saying", "aphorism", "Snow and debt fall quietly.", {
    persona: "franklin",
    topic: "snow",
  }),
  document("book#1", "passage", chunk, { persona: "twain", role: "style", work: "book" }),
  document("book#2", "passage", `${chunk} He said:`, {
    persona: "twain",
    role: "style",
    work: "book",
  }),
  document("plain#1", "passage", "A cloud forms when air rises.", {
    role: "neutral",
    work: "plain",
  }),
  document("onion", "headline", "Rain Delayed By Rain", { humorous: true, subreddit: "TheOnion" }),
  document("news", "headline", "Man Bites Dog", { humorous: false, subreddit: "nottheonion" }),
  document("joke", "joke", "Why?\nBecause.", {
    condition: "storm",
    setup: "Why?",
    punchline: "Because.",
  }),
  document("fact", "weather-answer", "Drops of water.", {
    persona: "neutral",
    question: "What is rain?",
  }),
];

async function run(seed: number): Promise<Synthesized[]> {
  const items: Synthesized[] = [];
  for await (const item of synthesize(documents, { config, seed, wantBase: true, signal }))
    items.push(item);
  return items;
}
let items: Synthesized[];
beforeAll(async () => {
  items = await run(1);
});
const rowsTo = (to: "dataset" | "base"): Conversation[] =>
  items.flatMap((item) => (item.to === to ? [item.row] : []));
const cases = (): ToolCase[] => items.flatMap((item) => (item.to === "cases" ? [item.row] : []));
const userText = (row: Conversation | ToolCase): string =>
  row.messages.findLast((message) => message.role === "user")?.content ?? "";
const allSaid = (row: Conversation | ToolCase): string =>
  row.messages.flatMap(({ role, content }) => (role === "user" ? [content ?? ""] : [])).join(" ");

test("a seed fixes every row", async () => {
  expect(JSON.stringify(await run(1))).toBe(JSON.stringify(items));
});

test("rows fit their schemas and have ids of their own", () => {
  for (const to of ["dataset", "base"] as const) {
    const rows = rowsTo(to);
    for (const row of rows.filter((_, i) => i % 4 === 0)) ConversationRow.parse(toRow(row));
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
  }
});

test("without a base from scratch there are no drills", async () => {
  const small = { ...config, episodes: { ...config.episodes, train: 5, cases: 1 } };
  const options = { config: small, seed: 1, wantBase: false, signal };
  for await (const item of synthesize(documents, options)) expect(item.to).not.toBe("base");
});

test("an abort stops it", async () => {
  const aborted = synthesize(documents, {
    config,
    seed: 1,
    wantBase: true,
    signal: AbortSignal.abort(),
  });
  await expect(async () => {
    for await (const _ of aborted);
  }).rejects.toThrow();
});

describe("cases", () => {
  test("are unique, and no training row asks what a case asks", () => {
    const whole = cases().map((row) => questionKey(allSaid(row)));
    expect(new Set(whole).size).toBe(whole.length);
    const keys = cases().map((row) => questionKey(userText(row)));
    const trained = new Set(rowsTo("dataset").map((row) => questionKey(userText(row))));
    expect(keys.filter((key) => trained.has(key))).toEqual([]);
  });

  test("fill every slice", () => {
    for (const slice of ToolSlice.exclude(["missing-location"]).options) {
      expect(cases().filter((row) => row.slice === slice)).toHaveLength(60);
    }
    expect(cases().filter((row) => row.slice === "missing-location").length).toBeGreaterThan(30);
  });

  test("have calls that run and find the place, or no call at all", async () => {
    const world = await loadPlaces();
    const simulator = createSimulator(world);
    for (const row of cases().map((entry) => ToolCase.parse(entry))) {
      const silent = row.slice === "no-tool" || row.slice === "missing-location";
      expect(row.expected).toHaveLength(silent ? 0 : 1);
      row.tools.forEach((tool) => WireTool.parse(tool));
      simulator.set(new Date(row.now));
      for (const call of row.expected) {
        const result = await simulator.run(call.name, call.arguments, signal);
        expect(result.error).toBeUndefined();
        expect(allSaid(row)).toContain(call.arguments.location);
      }
    }
  });

  test("of held-out places name no place of a training row", () => {
    // Small talk may say "Providence"; what is looked up is a town.
    const asked = rowsTo("dataset").flatMap((row) =>
      row.messages.flatMap((message) =>
        message.role === "assistant"
          ? (message.toolCalls ?? []).map(
              ({ arguments: given }) => ` ${plainName(JSON.stringify(given))} `,
            )
          : [],
      ),
    );
    const heldout = cases().filter((row) => /place|both/.test(row.slice));
    for (const row of heldout) {
      const name = plainName(JSON.stringify(row.expected[0]!.arguments.location).split(",")[0]!);
      expect(
        asked.some((text) => text.includes(` ${name} `)),
        name,
      ).toBe(false);
    }
  });
});

describe("instructions", () => {
  const of = (id: string): Conversation | undefined =>
    rowsTo("dataset").find((row) => row.meta.parents.includes(id));

  test("keep lineage, licence and work", () => {
    expect(of("quip")).toMatchObject({
      tags: { persona: "twain", domain: "literary" },
      meta: { parents: ["quip"], licence: "CC0-1.0", split_key: "quip" },
    });
    expect(of("book#1")?.meta.split_key).toBe("book");
    expect(of("saying")?.messages[0]).toEqual({ role: "system", content: "[franklin]" });
    expect(of("onion")?.tags.domain).toBe("humour");
    expect(of("fact")?.tags.domain).toBe("no-tool");
  });

  test("tell a joke whole", () => {
    expect(of("joke")?.messages.at(-1)?.content).toBe("Why? Because.");
    expect(userText(of("joke")!)).toContain("storms");
  });

  test("leave out real news, neutral prose and what breaks off", () => {
    for (const id of ["news", "plain#1", "book#2"]) expect(of(id)).toBeUndefined();
  });

  test("caps hold and phrasings vary", () => {
    const many = Array.from({ length: 400 }, (_, i) =>
      document(`p${i}`, "passage", "Rain fell.", { persona: "twain", topic: "rain" }),
    );
    const options = { perDocument: 1, maxPerTemplate: 12, random: createRandom(1) };
    const templates = [...makeInstructions(many, options)].map((row) => row.meta.template!);
    expect(new Set(templates).size).toBeGreaterThanOrEqual(25);
    for (const name of new Set(templates)) {
      expect(templates.filter((one) => one === name).length).toBeLessThanOrEqual(12);
    }
    expect(new Set(IMITATE).size).toBeGreaterThanOrEqual(25);
  });

  test("a topic is a noun that comes back", () => {
    expect(topicOf(chunk)).toBe("the river");
    expect(topicOf("A mule is a mule, and a mule was never sorry.")).toBe("a mule");
    expect(topicOf("He went. They sang.")).toBeUndefined();
  });
});

describe("drills", () => {
  const drills = (): Conversation[] => rowsTo("base").filter((row) => row.tags.domain === "drill");

  test("are as many as asked, 30 in 100 copying, short, and free of tool calls", () => {
    expect(drills()).toHaveLength(400);
    const copying = drills().filter((row) => row.meta.template!.startsWith("copy:"));
    expect(copying).toHaveLength(120);
    const words = drills()
      .map(
        (row) =>
          row.messages
            .map((message) => message.content)
            .join(" ")
            .split(/\s+/).length,
      )
      .toSorted((a, b) => a - b);
    expect(words[200]).toBeLessThan(45);
    for (const row of drills()) {
      expect(JSON.stringify(row)).not.toMatch(/tool_call|toolCalls|get_weather|"arguments"/);
      expect(row.tools).toBeUndefined();
    }
  });

  test("can be answered from the message: every name and number of the answer stands in it", () => {
    for (const row of drills()) {
      const [user, answer] = row.messages.map((message) => message.content ?? "");
      if (/spelled|report/.test(row.meta.template!)) continue;
      // "three days" may be 3 in JSON.
      const heard = user!
        .toLowerCase()
        .replace(
          /\b(?:two|three|four) days/g,
          (said) => `${said} ${["two", "three", "four"].indexOf(said.split(" ")[0]!) + 2}`,
        );
      for (const part of answer!.match(/-?\d+|\p{Lu}[\p{L}']+/gu) ?? []) {
        const ours = /^(?:The|It|In|Expect|Look|This|There|On|Of)$/.test(part);
        if (!ours) expect(heard, `${answer} <- ${user}`).toContain(part.toLowerCase());
      }
    }
  });

  test("hold no message of the validation and test sides", async () => {
    const voices = await loadVoices();
    const keys = episodeSplitKeys(voices, { valid: 0.2, test: 0.2 }, createRandom(3));
    const said = onTrainSide(phrasingsOf(voices, "train"), keys);
    const written = said.missing.filter(({ tool }) => !tool);
    const [missing, banter] = [written, said.banter].map((list) =>
      list.map(({ text }) => text),
    ) as [string[], string[]];
    const all = new Set([...voices.missing.train, ...voices.banter.train.map(({ user }) => user)]);
    expect(missing.length + banter.length).toBeGreaterThan(0.5 * all.size);
    const kept = new Set([...missing, ...banter]);
    const held = new Set([...all].filter((text) => !kept.has(text)));
    expect(held.size).toBeGreaterThan(0.3 * all.size);
    const question = { id: "q", text: "Will it rain in {place} {on_date}?" };
    const rows = makeDrills(
      {
        places: [],
        questions: [{ tool: "get_weather", template: question }],
        messages: { missing: written, banter },
        words: ["rain"],
        voices,
      },
      { count: 4000, random: createRandom(2) },
    );
    const seen = new Set([...rows].map((row) => userText(row).split("\n")[0]!));
    expect([...seen].filter((text) => held.has(text))).toEqual([]);
    expect([...seen].filter((text) => kept.has(text)).length).toBeGreaterThan(50);
  });

  test("hold every kind of letter sequence, and no held-out place", async () => {
    const template = { id: "q", text: "Will it rain in {place} {on_date}?" };
    const question = { tool: "get_weather" as const, template };
    const rows = [
      ...makeDrills(
        {
          places: [],
          questions: [question],
          messages: { missing: [{ id: "m", text: "Will it rain?" }], banter: ["Good day!"] },
          words: ["rain"],
          voices: await loadVoices(),
        },
        { count: 4000, random: createRandom(2) },
      ),
    ];
    const pairs = new Set<string>();
    for (const row of rows) {
      const text = userText(row).toLowerCase();
      for (let i = 1; i < text.length; i++) {
        const pair = text.slice(i - 1, i + 1);
        if (/^[a-z]{2}$/.test(pair)) pairs.add(pair);
      }
    }
    expect(pairs.size).toBeGreaterThan(500);
  });

  test("plain text comes from neutral documents only", () => {
    const texts = rowsTo("base").filter((row) => row.tags.domain === "text");
    expect(texts.map((row) => row.meta.parents[0])).toEqual(["plain#1", "fact"]);
    expect(texts[0]!.messages).toEqual([
      { role: "assistant", content: "A cloud forms when air rises." },
    ]);
  });
});
