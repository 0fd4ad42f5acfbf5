import { expect, test } from "vitest";
import type { Conversation } from "../../core/conversation.ts";
import { createRandom } from "../../core/random.ts";
import { loadPlaces } from "../../weather/place.ts";
import { withFormTag } from "./control-tags.ts";
import { makeLessons } from "./lessons.ts";
import { loadVoices } from "./voices.ts";

test("lessons are different, finished, capped, and a rewriting keeps the figures", async () => {
  const voices = await loadVoices();
  const world = await loadPlaces();
  const sources = { voices, places: world, random: createRandom(3) };
  const options = { count: 600, maxPerTemplate: 60, world, signal: new AbortController().signal };
  const rows: Conversation[] = [];
  for await (const row of makeLessons(sources, options)) rows.push(row);
  expect(new Set(rows.map(({ messages }) => JSON.stringify(messages))).size).toBe(rows.length);
  const counts = new Map<string, number>();
  for (const { meta, messages } of rows) {
    counts.set(meta.template!, (counts.get(meta.template!) ?? 0) + 1);
    const said = messages.map(({ content }) => content ?? "");
    expect(said.join(" ")).not.toMatch(/[{}]|undefined|NaN| {2}/);
    if (!/^(?:rewrite|plain):/.test(meta.template!)) continue;
    const [answer, asked] = [said.at(-1)!, said.at(-2)!];
    for (const digits of answer.match(/\d+/g) ?? []) expect(asked).toContain(digits);
  }
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(60);
  const kinds = new Set(rows.map(({ meta }) => meta.template!.split(":")[0]));
  expect(kinds).toEqual(new Set(["explain", "joke", "joke-placed", "plain", "rewrite", "safe"]));
  expect(withFormTag(rows[0]!, 0, createRandom(1))).toBe(rows[0]);
  const joke = rows.find(({ meta }) => meta.template!.startsWith("joke"))!;
  const tagged = withFormTag(joke, 1, createRandom(1));
  expect(tagged.messages.at(-2)!.content).toBe(`[joke] ${joke.messages.at(-2)!.content}`);
});
