/** A smaller repertoire holds texts of the whole one, the same for the same seed. */
import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { fewAnswers } from "./few-answers.ts";
import { loadVoices } from "./voices.ts";

test.each([1, 5, 1000])("at most %i of each kind and voice, all of them ours", async (most) => {
  const voices = await loadVoices();
  const few = fewAnswers(voices, most, createRandom(1));
  expect(few).toEqual(fewAnswers(voices, most, createRandom(1)));
  expect({ ...few, answers: voices.answers, banter: voices.banter }).toEqual(voices);
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
    Array.isArray(value)
      ? [value as string[]]
      : Object.values(value as object).flatMap((inner: unknown) => lists(inner));
  const whole = lists(voices.answers);
  const cut = lists(few.answers);
  expect(cut).toHaveLength(whole.length);
  cut.forEach((texts, i) => {
    expect(texts).toHaveLength(Math.min(most, whole[i]!.length));
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(whole[i]).toContain(text);
  });
});
