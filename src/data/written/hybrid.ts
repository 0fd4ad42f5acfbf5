/** A tool episode whose answer the model voices: question, call and result are ours, and the verifier judges. */
import { z } from "zod";
import {
  drawAskedWeather,
  messagesOf,
  offeredTools,
  runCall,
  skiesOf,
  verifyDraft,
} from "./asked-weather.ts";
import { runOnce } from "./run-once.ts";
import type { WrittenKind } from "./written-kind.ts";

const Reply = z.object({ answer: z.string() });

export const hybrid: WrittenKind = {
  name: "hybrid",
  prompts: ["hybrid"],
  requests: 1,
  plan(sources, prompts, count, random) {
    return drawAskedWeather(sources, count, random).map((asked) => {
      const { question, persona } = asked;
      const result = runOnce(() => runCall(asked, sources));
      return {
        id: `written:hybrid:${asked.name}`,
        kind: "weather-answer",
        persona,
        parents: [],
        licence: "CC0-1.0",
        given: question.text,
        async write(ask) {
          const facts = await result();
          const values = {
            voice: sources.voiceTexts[persona],
            question: question.text,
            result: JSON.stringify(facts),
            sky: skiesOf(facts)[0] ?? "light rain",
          };
          return [(await ask(prompts.hybrid!, values, Reply)).answer];
        },
        async finish(text) {
          const facts = await result();
          const row = {
            persona,
            domain: "hybrid" as const,
            template: `hybrid:${asked.template.id}`,
            splitKey: asked.splitKey,
            tools: offeredTools(),
            messages: [
              ...messagesOf(asked, question.text, facts),
              { role: "assistant" as const, content: text },
            ],
          };
          const reason = await verifyDraft(row, asked, sources);
          return reason === undefined ? { row } : { reason };
        },
      };
    });
  },
};
