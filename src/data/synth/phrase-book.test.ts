import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { createPhraseBook, mostSaid } from "./phrase-book.ts";

test("every wording comes as often as any other, give or take one", () => {
  const random = createRandom(1);
  const draft = createPhraseBook();
  const times = new Map<string, number>();
  const texts = ["a", "b", "c", "d", "e"];
  for (let i = 0; i < 503; i++) {
    const row = draft();
    const text = row.pick(texts, random);
    times.set(text, (times.get(text) ?? 0) + 1);
    row.keep();
  }
  expect([...times.values()].toSorted((a, b) => a - b)).toEqual([100, 100, 101, 101, 101]);
});

test("an answer has a limit, a phrasing of a question only its turn", () => {
  const random = createRandom(1);
  const draft = createPhraseBook(3);
  const answers = ["yes", "no"];
  const asks = [{ id: "ask:0", text: "Well?" }];
  const worn = Array.from({ length: 8 }, () => {
    const row = draft();
    const left = row.hasLeft(answers);
    row.pick(asks, random);
    row.pick(answers, random);
    const isWorn = row.isWorn();
    expect(left).toBe(!isWorn);
    row.keep();
    return isWorn;
  });
  expect(worn).toEqual([...Array<boolean>(6).fill(false), true, true]);
});

test("the limit grows with the dataset", () => {
  expect([0, 100, 3000, 5800, 16_000].map(mostSaid)).toEqual([24, 24, 24, 47, 128]);
});
