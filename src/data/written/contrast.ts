/**
 * Answers that are worse than those we have: bland ones to requests and to questions about the weather, and to the
 * latter untrue ones. Each makes a preference pair whose chosen side is the voiced answer.
 */
import { z } from "zod";
import type { Message } from "../../core/chat.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { jaccard, shinglesOf } from "../steps/minhash.ts";
import { answerWeather } from "../synth/answer.ts";
import { makeInstructions } from "../synth/instructions.ts";
import {
  drawAskedWeather,
  messagesOf,
  offeredTools,
  runCall,
  verifyDraft,
} from "./asked-weather.ts";
import { drawRounds } from "./draws.ts";
import { runOnce } from "./run-once.ts";
import type {
  Outcome,
  PairDraft,
  WrittenKind,
  WrittenSources,
  WrittenTask,
} from "./written-kind.ts";

const Bland = z.object({ bland: z.string() });
const Both = z.object({ bland: z.string(), wrong: z.string() });

/** A pair teaches the difference; two answers that share so many trigrams have too little of it. */
const ALIKE = 0.4;

function pairOf(pair: PairDraft): Outcome {
  const [chosen, rejected] = [pair.chosen, pair.rejected].map((side) =>
    shinglesOf(side.map(({ content }) => content ?? "").join(" "), 3),
  );
  return jaccard(chosen!, rejected!) > ALIKE ? { reason: "too like the chosen answer" } : { pair };
}

/** Why an answer about the weather is not the bad answer it should be. */
export function contrastProblem(
  name: "bland" | "wrong",
  text: string,
  result: JsonObject,
  question: string,
): string | undefined {
  const { grounded, unsupported } = checkGrounded(text, [result], question);
  if (name === "bland") return grounded ? undefined : "unfaithful";
  return unsupported.length > 0 ? undefined : "not wrong";
}

function weatherTasks(
  sources: WrittenSources,
  prompts: Parameters<WrittenKind["plan"]>[1],
  count: number,
  random: Random,
): WrittenTask[] {
  // Without a voice the answer that we have is bland too.
  const voiced = drawAskedWeather(sources, 2 * count + 8, random).filter(
    ({ persona }) => persona !== "neutral",
  );
  return voiced.slice(0, count).map((asked) => {
    const { question, persona } = asked;
    const result = runOnce(() => runCall(asked, sources));
    return {
      id: `written:contrast:${asked.name}`,
      kind: "weather-answer",
      // A bad answer need not be in a voice.
      persona: "neutral",
      parents: [],
      licence: "CC0-1.0",
      given: question.text,
      texts: 2,
      async write(ask) {
        const values = { question: question.text, result: JSON.stringify(await result()) };
        const { bland, wrong } = await ask(prompts["contrast-weather"]!, values, Both);
        return [bland, wrong];
      },
      async finish(text, number) {
        const facts = await result();
        const name = number === 0 ? "bland" : "wrong";
        const problem = contrastProblem(name, text, facts, question.text);
        if (problem !== undefined) return { reason: problem };
        const chosen = answerWeather(
          question,
          facts,
          persona,
          sources.voices,
          asked.random.fork("chosen"),
        );
        const prompt = messagesOf(asked, question.text, facts);
        const say = (content: string): Message[] => [{ role: "assistant", content }];
        const lesson = {
          persona,
          domain: "tool" as const,
          template: `contrast-${name}:${asked.template.id}`,
          splitKey: asked.splitKey,
          tools: offeredTools(),
        };
        // Filled from templates, as episodes are, and not always right.
        const messages = [...prompt, ...say(chosen)];
        const fault = await verifyDraft({ ...lesson, messages }, asked, sources);
        if (fault !== undefined) return { reason: `chosen answer: ${fault}` };
        return pairOf({ ...lesson, prompt, chosen: say(chosen), rejected: say(text) });
      },
    };
  });
}

function requestTasks(
  { documents }: WrittenSources,
  prompts: Parameters<WrittenKind["plan"]>[1],
  count: number,
  random: Random,
): WrittenTask[] {
  const voiced = [
    ...makeInstructions(documents, { perDocument: 1, maxPerTemplate: Infinity, random }),
  ].filter(
    ({ tags, meta }) =>
      (tags.persona !== "neutral" || tags.domain === "humour") &&
      !meta.template?.startsWith("continue"),
  );
  return drawRounds(voiced, ({ id }) => id, Math.min(count, voiced.length), random).map(
    ({ item: row }) => {
      const answer = row.messages.at(-1)!;
      const prompt = row.messages.slice(0, -1);
      const question = prompt.findLast(({ role }) => role === "user")?.content ?? "";
      return {
        id: `written:contrast:${row.id}`,
        kind: "weather-answer",
        persona: "neutral",
        parents: row.meta.parents,
        licence: row.meta.licence,
        given: question,
        write: async (ask) => [(await ask(prompts.contrast!, { question }, Bland)).bland],
        finish: async (text) =>
          pairOf({
            persona: row.tags.persona,
            domain: row.tags.domain,
            template: `contrast-bland:${row.meta.template}`,
            splitKey: row.meta.split_key,
            ...(row.tools && { tools: row.tools }),
            prompt,
            chosen: [answer],
            rejected: [{ role: "assistant", content: text }],
          }),
      };
    },
  );
}

export const contrast: WrittenKind = {
  name: "contrast",
  prompts: ["contrast", "contrast-weather"],
  requests: 1,
  offers: "pairs",
  plan(sources, prompts, count, random) {
    // A question about the weather gives two pairs.
    const weather = Math.floor(count / 4);
    return [
      ...weatherTasks(sources, prompts, weather, random.fork("weather")),
      ...requestTasks(sources, prompts, count - 2 * weather, random.fork("requests")),
    ];
  },
};
