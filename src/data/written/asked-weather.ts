/** A question about the weather with its call and the result of running it: what several kinds start from. */
import type { Message } from "../../core/chat.ts";
import type { Persona } from "../../core/conversation.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import {
  type Question,
  TAUGHT,
  type Template,
  type WeatherToolName,
  askWeather,
  drawTaughtPlace,
} from "../synth/ask.ts";
import { pickPersona } from "../synth/episodes.ts";
import { byTool, phrasingsOf } from "../synth/question-templates.ts";
import { someMoment } from "../synth/simulator.ts";
import { verifyEpisode } from "../synth/verify.ts";
import { voiceMessages } from "../synth/voices.ts";
import { drawRounds } from "./draws.ts";
import type { RowDraft, WrittenSources } from "./written-kind.ts";

export interface AskedWeather {
  /** `get_weather:12/0`. */
  name: string;
  template: Template;
  splitKey: string;
  persona: Persona;
  place: Place;
  now: Date;
  question: Question;
  random: Random;
}

export interface Asking {
  tool: WeatherToolName;
  template: Template;
}

/** `count` questions in phrasings and places of the training side, each template before any comes twice. */
export function drawAskedWeather(
  { voices, split, splitKeys }: WrittenSources,
  count: number,
  random: Random,
): AskedWeather[] {
  const askings: Asking[] = byTool(phrasingsOf(voices, "train").questions);
  return drawRounds(askings, ({ template }) => template.text, count, random).map(
    ({ item: { tool, template }, round, random: own }) => {
      const persona = pickPersona(own);
      const place = drawTaughtPlace(own, split.train);
      const now = someMoment(own);
      return {
        name: `${template.id}/${round}`,
        template,
        splitKey: splitKeys.get(template.id) ?? `train:${template.id}`,
        persona,
        place,
        now,
        // Typed with care: the model is to see the place as it is written.
        question: askWeather({
          tool,
          template,
          place,
          now,
          random: own,
          careless: false,
          shares: { ...TAUGHT, lower: 0 },
        }),
        random: own,
      };
    },
  );
}

const CALL_ID = "call_1";

/** The result of the question's call, in the made-up weather of its moment. */
export const runCall = (
  { question, now }: AskedWeather,
  { at, signal }: WrittenSources,
): Promise<JsonObject> =>
  at(now, (simulator) => simulator.run(question.tool, question.arguments, signal));

/** Question, call and result, as a conversation has them. */
export function messagesOf(asked: AskedWeather, text: string, result: JsonObject): Message[] {
  const { question, persona } = asked;
  return [
    ...voiceMessages(persona),
    { role: "user", content: text },
    {
      role: "assistant",
      content: null,
      toolCalls: [{ id: CALL_ID, name: question.tool, arguments: question.arguments }],
    },
    {
      role: "tool",
      toolCallId: CALL_ID,
      name: question.tool,
      content: JSON.stringify(result),
    },
  ];
}

export const offeredTools = () => [...WEATHER_TOOLS];

/** What the verifier of episodes says of a finished conversation; undefined where it is right. */
export async function verifyDraft(
  draft: RowDraft,
  { now }: AskedWeather,
  { at, signal }: WrittenSources,
): Promise<string | undefined> {
  const row = {
    id: "draft",
    messages: draft.messages,
    ...(draft.tools && { tools: draft.tools }),
    tags: { persona: draft.persona, domain: draft.domain, source: "written", synthetic: true },
    meta: { parents: [], licence: "-", split_key: draft.splitKey },
  };
  return at(now, ({ tools }) => verifyEpisode(row, tools, signal));
}

/** Every sky that a result names: its own, and those of its days. */
export function skiesOf(result: JsonObject): string[] {
  const days = Array.isArray(result.days) ? result.days.filter(isJsonObject) : [result];
  return days.flatMap(({ conditions }) => (typeof conditions === "string" ? [conditions] : []));
}
