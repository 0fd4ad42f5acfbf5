import { expect, test } from "vitest";
import { knownWords } from "./known-words.ts";
import { loadVoices } from "./voices.ts";

test("every word of training texts and of calls, none that only held-out texts have, no slot", async () => {
  const voices = await loadVoices();
  const words = new Set(knownWords(voices));
  for (const word of ["get_forecast", "feels_like", "umbrella", "the"])
    expect(words).toContain(word);
  for (const slot of ["on_date", "wind_units}"]) expect(words).not.toContain(slot);
  expect([...words].filter((word) => !/^[\p{Ll}_]+$/u.test(word))).toEqual([]);

  const own = "zyzzyvas";
  const { questions } = voices;
  const withOwn = (side: "train" | "heldout") =>
    knownWords({
      ...voices,
      questions: {
        ...questions,
        get_weather: {
          ...questions.get_weather,
          [side]: [...questions.get_weather[side], `Are the ${own} out in {place} {on_date}?`],
        },
      },
    });
  expect(withOwn("train")).toContain(own);
  expect(withOwn("heldout")).not.toContain(own);
});
