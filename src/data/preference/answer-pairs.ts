/** Pairs of answers: in the voice that was asked for or not, and as the tool said or made up. */
import type { AssistantMessage, Message } from "../../core/chat.ts";
import { type JsonObject, isJsonObject } from "../../core/json.ts";
import { answerWeather } from "../synth/answer.ts";
import { offerTools } from "../synth/episodes.ts";
import {
  type Exchange,
  type ExchangeSources,
  type Talk,
  answerQuestion,
  drawBanter,
  drawQuestion,
} from "../synth/exchanges.ts";
import { voiceMessages } from "../synth/voices.ts";
import { distort } from "./distort.ts";
import type { Pair } from "./pair.ts";

const say = (content: string): AssistantMessage => ({ role: "assistant", content });

/** All but the last turn is the prompt. */
function pairOf(
  exchange: Exchange,
  rejected: string,
  kind: Pair["kind"],
  talk: Talk,
  sources: ExchangeSources,
): Pair {
  const { messages, called, domain, template } = exchange;
  const last = messages.at(-1);
  if (last?.role !== "assistant") throw new Error("an exchange ends with an answer");
  return {
    kind,
    persona: talk.persona,
    domain,
    template,
    prompt: [...voiceMessages(talk.persona), ...messages.slice(0, -1)],
    chosen: last,
    rejected: say(rejected),
    rest: [],
    tools: offerTools(called, sources.random),
  };
}

function resultOf(messages: readonly Message[]): JsonObject {
  const tool = messages.find(({ role }) => role === "tool");
  const result: unknown = JSON.parse(tool?.content ?? "");
  if (!isJsonObject(result)) throw new Error("an answered question has a result");
  return result;
}

/** The voice that was asked for against another: bland where one was, a voice where none was. */
export async function drawVoice(sources: ExchangeSources, talk: Talk): Promise<Pair | undefined> {
  const { random, voices } = sources;
  const voiced = talk.persona !== "neutral";
  const kind = { source: "voice", voiced } as const;
  const other = voiced ? "neutral" : random.pick(["twain", "franklin"] as const);
  if (random.next() < 0.25) {
    const exchange = drawBanter(sources, talk);
    const entry = sources.phrasings.banter.find(({ id }) => id === exchange.template);
    const rejected = entry?.reply[other] ?? random.pick(voices.banter.stock[other]);
    return pairOf(exchange, rejected, kind, talk, sources);
  }
  const asked = drawQuestion(sources, talk);
  const exchange = await answerQuestion(asked, talk, sources);
  const rejected = answerWeather(
    asked.question,
    resultOf(exchange.messages),
    other,
    voices,
    random,
  );
  return pairOf(exchange, rejected, kind, talk, sources);
}

/** One answer, filled from the tool's result and from another. */
export async function drawGrounded(sources: ExchangeSources, talk: Talk): Promise<Pair> {
  const { random, voices } = sources;
  const asked = drawQuestion(sources, talk);
  // Two generators of one name draw the same: both answers have the same words.
  const name = `answer ${random.next()}`;
  const exchange = await answerQuestion(asked, talk, { ...sources, random: random.fork(name) });
  const rejected = answerWeather(
    asked.question,
    distort(resultOf(exchange.messages), random),
    talk.persona,
    voices,
    random.fork(name),
  );
  return pairOf(exchange, rejected, { source: "grounded" }, talk, sources);
}
