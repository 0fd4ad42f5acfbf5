/**
 * Pairs of tool decisions: one is right, and one of the other three is rejected (When2Call, Ross et al. 2025, arXiv
 * 2504.18851). A right call has no argument that the user did not give; a wrong one mostly has.
 */
import type { AssistantMessage, Message, ToolDefinition } from "../../core/chat.ts";
import type { Domain } from "../../core/conversation.ts";
import type { JsonObject } from "../../core/json.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import { answerWeather } from "../synth/answer.ts";
import { type Question, type WeatherToolName, wordPlace } from "../synth/ask.ts";
import { offerTools } from "../synth/episodes.ts";
import {
  type Exchange,
  type ExchangeSources,
  type Talk,
  answerQuestion,
  drawBanter,
  drawFollowUp,
  drawGivenPlace,
  drawMissing,
  drawQuestion,
} from "../synth/exchanges.ts";
import { fill } from "../synth/fill.ts";
import type { PendingCall } from "../synth/missing.ts";
import { voiceMessages } from "../synth/voices.ts";
import type { Declines } from "./declines.ts";
import { distort } from "./distort.ts";
import { DECISIONS, type Decision, type Pair } from "./pair.ts";

export interface PairSources extends ExchangeSources {
  declines: Declines;
}

const say = (content: string): AssistantMessage => ({ role: "assistant", content });

/** A prompt with its right turn, and each wrong turn as it would be. */
interface Situation {
  right: Decision;
  domain: Domain;
  template: string;
  tools: ToolDefinition[];
  prompt: Message[];
  chosen: AssistantMessage;
  rest: Message[];
  /** Those that would be wrong here. */
  wrong: Partial<Record<Decision, () => AssistantMessage | Promise<AssistantMessage>>>;
}

type Call = { name: WeatherToolName; arguments: JsonObject };

const callTurn = (call: Call, talk: Talk): AssistantMessage => ({
  role: "assistant",
  content: null,
  toolCalls: [{ id: talk.nextId(), ...call }],
});

const ask = ({ voices, random }: PairSources, { persona }: Talk): AssistantMessage =>
  say(random.pick(voices.missing.asks[persona]));
const decline = ({ declines, random }: PairSources, { persona }: Talk): AssistantMessage =>
  say(random.pick(declines.replies[persona]));

/** Weather that nobody looked up. */
async function inventWeather(
  { name, arguments: given }: Call,
  said: Pick<Question, "location" | "when" | "days" | "wants">,
  talk: Talk,
  { simulator, signal, voices, random }: PairSources,
): Promise<AssistantMessage> {
  const result = distort(await simulator.run(name, given, signal), random);
  return say(answerWeather({ tool: name, ...said }, result, talk.persona, voices, random));
}

/** A question that can be answered, by itself or after another exchange. */
async function callSituation(sources: PairSources, talk: Talk): Promise<Situation> {
  const { random } = sources;
  const draw = random.next();
  let before: Exchange | undefined;
  let asked = drawQuestion(sources, talk);
  if (draw < 0.15) {
    before = drawMissing(sources, talk, true);
    asked = drawGivenPlace(before.pending!, sources, talk);
  } else if (draw < 0.35) {
    before = await answerQuestion(asked, talk, sources);
    asked = drawFollowUp(asked, sources, talk);
  }
  const exchange = await answerQuestion(asked, talk, sources);
  const [user, call, ...rest] = exchange.messages;
  if (call?.role !== "assistant") throw new Error("an answered question has its call second");
  const { question } = asked;
  return {
    right: "call",
    domain: exchange.domain,
    template: exchange.template,
    tools: offerTools([question.tool, ...(before?.called ?? [])], random),
    prompt: [...voiceMessages(talk.persona), ...(before?.messages ?? []), user!],
    chosen: call,
    rest,
    wrong: {
      ask: () => ask(sources, talk),
      decline: () => decline(sources, talk),
      answer: () =>
        inventWeather(
          { name: question.tool, arguments: question.arguments },
          question,
          talk,
          sources,
        ),
    },
  };
}

const somePlace = ({ random, places }: PairSources): string =>
  wordPlace(random.pick(places), random);

/** What a model would call that does not wait for the place. */
function hastyCall(pending: PendingCall | undefined, location: string): Call {
  switch (pending?.tool) {
    case "get_weather":
      return { name: "get_weather", arguments: { location, date: pending.date || "today" } };
    case "get_forecast":
      return { name: "get_forecast", arguments: { location, days: pending.count } };
    default:
      return { name: "get_current_weather", arguments: { location } };
  }
}

function askSituation(sources: PairSources, talk: Talk): Situation {
  const { messages, template, pending, domain } = drawMissing(sources, talk);
  const location = somePlace(sources);
  const call = hastyCall(pending, location);
  const { when = "", days = "", wants = [] } = pending ?? {};
  return {
    right: "ask",
    domain,
    template,
    tools: [...WEATHER_TOOLS],
    prompt: [...voiceMessages(talk.persona), ...messages.slice(0, 1)],
    chosen: messages.at(-1) as AssistantMessage,
    rest: [],
    wrong: {
      call: () => callTurn(call, talk),
      decline: () => decline(sources, talk),
      answer: () => inventWeather(call, { location, when, days, wants }, talk, sources),
    },
  };
}

const PRESENT = WEATHER_TOOLS.filter(({ name }) => name === "get_current_weather");

/** A later day asked for where only the present weather can be looked up: the right tool was taken away. */
function lateSituation(sources: PairSources, talk: Talk): Situation | undefined {
  const { random, declines } = sources;
  const { question } = drawQuestion(sources, talk);
  const { tool, arguments: given, location } = question;
  if (tool === "get_current_weather" || /^to(?:day|night)$/i.test(question.date)) return undefined;
  const missing: Call = { name: tool, arguments: given };
  const present: Call = { name: "get_current_weather", arguments: { location } };
  return {
    right: "decline",
    domain: "no-tool",
    template: question.template,
    tools: PRESENT,
    prompt: [...voiceMessages(talk.persona), { role: "user", content: question.text }],
    chosen: say(random.pick(declines.later[talk.persona])),
    rest: [],
    wrong: {
      call: () => callTurn(random.next() < 0.5 ? missing : present, talk),
      ask: () => ask(sources, talk),
      answer: () => inventWeather(missing, question, talk, sources),
    },
  };
}

/** Something that no weather tool can do. */
function strangeSituation(sources: PairSources, talk: Talk): Situation {
  const { random, declines } = sources;
  const at = random.integer(0, declines.requests.length - 1);
  const { user, invents } = declines.requests[at]!;
  const place = somePlace(sources);
  return {
    right: "decline",
    domain: "no-tool",
    template: `decline:${at}`,
    tools: offerTools([], random),
    prompt: [...voiceMessages(talk.persona), { role: "user", content: fill(user, { place }) }],
    chosen: decline(sources, talk),
    rest: [],
    wrong: {
      call: () => callTurn({ name: "get_current_weather", arguments: { location: place } }, talk),
      ask: () => ask(sources, talk),
      answer: () => say(fill(invents, { place })),
    },
  };
}

function answerSituation(sources: PairSources, talk: Talk): Situation {
  const { messages, template, domain } = drawBanter(sources, talk);
  const chosen = messages.at(-1) as AssistantMessage;
  // A stock reply is half a refusal itself.
  const stock = sources.voices.banter.stock[talk.persona].includes(chosen.content ?? "");
  return {
    right: "answer",
    domain,
    template,
    tools: [...WEATHER_TOOLS],
    prompt: [...voiceMessages(talk.persona), ...messages.slice(0, 1)],
    chosen,
    rest: [],
    wrong: {
      call: () => callTurn(hastyCall(undefined, somePlace(sources)), talk),
      ask: () => ask(sources, talk),
      ...(!stock && { decline: () => decline(sources, talk) }),
    },
  };
}

async function drawSituation(sources: PairSources, talk: Talk): Promise<Situation | undefined> {
  const draw = sources.random.next();
  if (draw < 0.4) return callSituation(sources, talk);
  if (draw < 0.65) return askSituation(sources, talk);
  if (draw < 0.75) return lateSituation(sources, talk);
  return draw < 0.85 ? strangeSituation(sources, talk) : answerSituation(sources, talk);
}

/** Undefined where the draw led to nothing: a question of the wrong day. */
export async function drawDecision(sources: PairSources, talk: Talk): Promise<Pair | undefined> {
  const found = await drawSituation(sources, talk);
  if (!found) return undefined;
  const { right, wrong, ...rest } = found;
  const able = DECISIONS.filter((decision) => wrong[decision]);
  const taken = sources.random.pick(able);
  return {
    ...rest,
    kind: { source: "decisions", right, wrong: taken },
    persona: talk.persona,
    rejected: await wrong[taken]!(),
  };
}
