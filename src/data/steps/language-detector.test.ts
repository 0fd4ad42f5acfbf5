import { afterAll, expect, test } from "vitest";
import { openLanguageDetector } from "./language-detector.ts";

const detector = openLanguageDetector();
afterAll(() => detector.close());

test("answers come in the order of the questions", async () => {
  const german = "der regen fiel die ganze nacht auf die kleine stadt am fluss";
  const english = "the rain fell all night upon the little town by the river";
  const [first, second] = await Promise.all([
    detector.detect([german, english]),
    detector.detect([english]),
  ]);
  expect(first.map(({ language }) => language)).toEqual(["de", "en"]);
  expect(first.every(({ isReliable }) => isReliable)).toBe(true);
  expect(first[0]!.scores["de"]).toBeGreaterThan(first[0]!.scores["en"] ?? 0);
  expect(second.map(({ language }) => language)).toEqual(["en"]);
});

test("what is asked when it closes, or after, fails at once", async () => {
  const other = openLanguageDetector();
  const asked = other.detect(["the rain fell all night"]);
  const failed = expect(asked).rejects.toThrow("closed");
  await other.close();
  await failed;
  await expect(other.detect(["the rain fell all night"])).rejects.toThrow("closed");
});
