/** A smaller repertoire holds texts of the whole one, the same for the same seed. */
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { FACTS, tellsFact } from "./asked-facts.ts";
import { fewAnswers } from "./few-answers.ts";
import { loadVoices } from "./voices.ts";

test.each([1, 5, 1000])("at most %i of each kind and voice, all of them ours", async (most) => {
  const voices = await loadVoices();
  const few = fewAnswers(voices, most, createRandom(1));
  expect(few).toEqual(fewAnswers(voices, most, createRandom(1)));
  const { answers, banter, missing } = voices;
  expect({ ...few, answers, banter, missing: { ...few.missing, asks: missing.asks } }).toEqual(
    voices,
  );
  expect(few.banter.train.map(({ user }) => user)).toEqual(
    voices.banter.train.map(({ user }) => user),
  );
  if (most === 1000) expect(few.banter).toEqual(voices.banter);
  else
    for (const persona of ["twain", "franklin", "neutral"] as const) {
      const replies = new Set(few.banter.train.map(({ reply }) => reply[persona]!));
      expect([...replies].filter((reply) => !voices.banter.stock[persona].includes(reply))).toEqual(
        [],
      );
      expect(replies.size).toBe(Math.min(most, voices.banter.stock[persona].length));
    }
  const lists = (value: unknown): string[][] =>
    Array.isArray(value) && typeof value[0] === "string"
      ? [value as string[]]
      : Object.values(value as object).flatMap((inner: unknown) => lists(inner));
  const { states, lacks, ...told } = voices.answers;
  expect(few.answers.states).toEqual(states);
  const whole = lists([told, missing.asks]);
  const { states: _, lacks: fewLacks, ...fewTold } = few.answers;
  const cut = lists([fewTold, few.missing.asks]);
  expect(cut).toHaveLength(whole.length);
  cut.forEach((texts, i) => {
    expect(texts).toHaveLength(Math.min(most, whole[i]!.length));
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(whole[i]).toContain(text);
  });
  // What stands beside another answer comes in fewer wordings.
  const wholeLacks = lists(lacks);
  lists(fewLacks).forEach((texts, i) => {
    expect(texts).toHaveLength(Math.min(Math.ceil(most / 3), wholeLacks[i]!.length));
    for (const text of texts) expect(wholeLacks[i]).toContain(text);
  });
});

test.each(FACTS)("of few wordings some still tell the %s, if any did", async (fact) => {
  const { answers } = await loadVoices();
  const tell = (texts: readonly string[]): number =>
    texts.filter((text) => tellsFact(fact, text)).length;
  for (let seed = 0; seed < 20; seed++) {
    const few = fewAnswers(await loadVoices(), 12, createRandom(seed)).answers;
    for (const tool of ["get_weather", "get_current_weather"] as const)
      for (const persona of ["twain", "franklin", "neutral"] as const)
        expect(tell(few[tool][persona])).toBeGreaterThanOrEqual(
          Math.min(2, tell(answers[tool][persona])),
        );
  }
});
