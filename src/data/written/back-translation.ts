/** Questions translated to another language and back by the model, which rewords them without being told how. */
import { z } from "zod";
import { drawAskedWeather } from "./asked-weather.ts";
import { keptWords } from "./entailed.ts";
import { heldoutPhrasings, rewordedRow } from "./reworded.ts";
import { type WrittenKind, Unusable } from "./written-kind.ts";

const Reply = z.object({ translation: z.string().min(1).max(600) });
const LANGUAGES = ["German", "French", "Spanish", "Italian"] as const;

export const backTranslation: WrittenKind = {
  name: "back-translation",
  prompts: ["translate", "translate-back"],
  requests: 2,
  plan(sources, prompts, count, random) {
    const heldout = heldoutPhrasings(sources);
    return drawAskedWeather(sources, count, random).map((asked) => {
      const { question } = asked;
      const language = asked.random.pick(LANGUAGES);
      return {
        id: `written:back-translation:${asked.name}`,
        kind: "question",
        persona: "neutral",
        parents: [],
        licence: "CC0-1.0",
        given: question.text,
        async write(ask) {
          const { translation } = await ask(
            prompts.translate!,
            { language, place: question.location, question: question.text },
            Reply,
          );
          if (translation.trim() === question.text) throw new Unusable("not translated");
          const keep = keptWords(question)
            .map((words) => `"${words}"`)
            .join(", ");
          const back = await ask(
            prompts["translate-back"]!,
            { language, keep, question: translation },
            Reply,
          );
          return [back.translation];
        },
        finish: (text, number) =>
          rewordedRow("back-translation", text, number, asked, heldout, sources),
      };
    });
  },
};
