/** Questions in other words, whose call must still be entailed: place, date, days and unit are still there. */
import { z } from "zod";
import { drawAskedWeather } from "./asked-weather.ts";
import { keptWords } from "./entailed.ts";
import { heldoutPhrasings, rewordedRow } from "./reworded.ts";
import type { WrittenKind } from "./written-kind.ts";

const TEXTS = 3;
const Reply = z.object({ questions: z.array(z.string()).min(1).max(20) });

export const paraphrase: WrittenKind = {
  name: "paraphrase",
  prompts: ["paraphrase"],
  requests: 1,
  plan(sources, prompts, count, random) {
    const heldout = heldoutPhrasings(sources);
    return drawAskedWeather(sources, Math.ceil(count / TEXTS), random).map((asked, i) => {
      const { question } = asked;
      const texts = Math.min(TEXTS, count - i * TEXTS);
      return {
        id: `written:paraphrase:${asked.name}`,
        kind: "question",
        persona: "neutral",
        parents: [],
        licence: "CC0-1.0",
        given: question.text,
        texts,
        async write(ask) {
          const keep = keptWords(question)
            .map((words) => `"${words}"`)
            .join(", ");
          const values = { keep, question: question.text };
          const { questions } = await ask(prompts.paraphrase!, values, Reply);
          return questions.slice(0, texts);
        },
        finish: (text, number) => rewordedRow("paraphrase", text, number, asked, heldout, sources),
      };
    });
  },
};
