/**
 * One thing said and all that answers it: a question with its call, the result of really running
 * the tool on made-up weather, and a voiced answer filled from that result; small talk; a question
 * without a place. Conversations are exchanges one after another.
 */
import type { Message } from "../../core/chat.ts";
import type { Domain, Persona } from "../../core/conversation.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { answerWeather } from "./answer.ts";
import {
  type AskShares,
  type Question,
  TAUGHT,
  USUAL,
  askWeather,
  drawTaughtPlace,
  withRemark,
} from "./ask.ts";
import { answerComparison, askComparison } from "./compare.ts";
import {
  type Asked,
  askAnotherDay,
  askAnotherPlace,
  askOfSamePlace,
  givePlace,
} from "./follow-up.ts";
import { inventTown } from "./names.ts";
import {
  type MissingTemplate,
  type PendingCall,
  type Said,
  lowered,
  sayMissing,
} from "./missing.ts";
import type { Draft } from "./phrase-book.ts";
import { type Phrasings, pickTool } from "./question-templates.ts";
import type { Simulator } from "./simulator.ts";
import type { Voices } from "./voices.ts";

export interface Exchange {
  domain: Domain;
  template: string;
  /** From what the user says to the answer. */
  messages: Message[];
  /** Names of the tools that were called. */
  called: readonly string[];
  /** The one question that was answered with weather: what a follow-up builds on. */
  asked?: Asked;
  /** The call that waits for a place. */
  pending?: PendingCall;
}

/** What the exchanges of one conversation share. */
export interface Talk {
  persona: Persona;
  now: Date;
  nextId: () => string;
}

export function startTalk(persona: Persona, now: Date): Talk {
  let calls = 0;
  return { persona, now, nextId: () => `call_${++calls}` };
}

export interface ExchangeSources {
  voices: Voices;
  phrasings: Phrasings;
  /** Where training happens. */
  places: readonly Place[];
  /** As rows that teach: hard places and careless typing come more often than people say them. */
  taught: boolean;
  /** What the row has said of what all of them may say. */
  said: Draft;
  simulator: Simulator;
  random: Random;
  signal: AbortSignal;
}

const sharesOf = ({ taught }: ExchangeSources): AskShares => (taught ? TAUGHT : USUAL);

const drawPlace = ({ taught, random, places }: ExchangeSources): Place =>
  taught ? drawTaughtPlace(random, places) : random.pick(places);

/** Banter is typed as carelessly as anything else. */
function typed(text: string, random: Random): string {
  const draw = random.next();
  if (draw < 0.15) return text.toLowerCase().replace(/[.?]$/, "");
  return draw < 0.3 ? text.replace(/[.?]$/, "") : text;
}

type Call = { name: string; arguments: JsonObject };

/** What is said, the calls with what they really give, and the answer made from it. */
export async function callAndAnswer(
  text: string,
  calls: readonly Call[],
  answer: (results: readonly JsonObject[]) => string,
  talk: Talk,
  { simulator, signal }: ExchangeSources,
): Promise<{ messages: Message[]; results: JsonObject[] }> {
  const results: JsonObject[] = [];
  for (const { name, arguments: given } of calls)
    results.push(await simulator.run(name, given, signal));
  const toolCalls = calls.map((one) => ({ id: talk.nextId(), ...one }));
  return {
    results,
    messages: [
      { role: "user", content: text },
      { role: "assistant", content: null, toolCalls },
      ...results.map((result, i) => ({
        role: "tool" as const,
        toolCallId: toolCalls[i]!.id,
        name: calls[i]!.name,
        content: JSON.stringify(result),
      })),
      { role: "assistant", content: answer(results) },
    ],
  };
}

/** The call of a question, its result, and an answer in the talk's voice. */
export async function answerQuestion(
  { question, place }: Asked,
  talk: Talk,
  sources: ExchangeSources,
): Promise<Exchange> {
  const { voices, random } = sources;
  const { messages, results } = await callAndAnswer(
    question.text,
    [{ name: question.tool, arguments: question.arguments }],
    ([result]) => answerWeather(question, result!, talk.persona, voices, random),
    talk,
    sources,
  );
  // A tool's failure is answered too, but nothing can be built on it.
  const found = !("error" in results[0]!);
  return {
    domain: found ? "tool" : "tool-error",
    template: question.template,
    messages,
    called: [question.tool],
    ...(found && { asked: { question, place } }),
  };
}

/** A whole question about a place that exists. */
export function drawQuestion(sources: ExchangeSources, talk: Talk): Asked {
  const place = drawPlace(sources);
  return { place, question: ask(place, sources, talk, true) };
}

/** A whole question about a place that does not. */
export function drawUnknownPlace(sources: ExchangeSources, talk: Talk): Asked {
  const { random, places } = sources;
  const name = inventTown(random);
  // An invented place has no area of its own to add.
  const place = { ...random.pick(places), name, region: "", country: name };
  return { place, question: ask(place, sources, talk, false) };
}

function ask(place: Place, sources: ExchangeSources, talk: Talk, careless: boolean): Question {
  const { voices, phrasings, random } = sources;
  const tool = pickTool(random);
  return askWeather({
    tool,
    template: random.pick(phrasings.questions[tool]),
    place,
    now: talk.now,
    random,
    careless,
    remarks: voices.remarks,
    shares: sharesOf(sources),
  });
}

/** "And in Boston?", "And tomorrow?", "Will it rain tonight?": built on the question before. */
export function drawFollowUp(before: Asked, sources: ExchangeSources, talk: Talk): Asked {
  const { phrasings, random } = sources;
  const draw = random.next();
  const options = { now: talk.now, random, shares: sharesOf(sources) };
  if (draw < 0.5) {
    const place = drawPlace(sources);
    const template = random.pick(phrasings.followUps.place);
    return { place, question: askAnotherPlace(template, before.question, { ...options, place }) };
  }
  const { place } = before;
  const question =
    draw < 0.75
      ? askAnotherDay(random.pick(phrasings.followUps.day), before.question, { ...options, place })
      : askDated(before.question, phrasings.dated, talk, random);
  return { place, question };
}

function askDated(
  before: Question,
  dated: readonly MissingTemplate[],
  talk: Talk,
  random: Random,
): Question {
  const template = pickMissing(dated, random);
  return askOfSamePlace(template.id, before, typedMissing(template, talk, random));
}

/** Half of them from those that were written for it, which are fewer. */
function pickMissing(templates: readonly MissingTemplate[], random: Random): MissingTemplate {
  const written = random.next() < 0.5;
  const some = templates.filter(({ tool }) => written === (tool === undefined));
  return random.pick(some.length > 0 ? some : templates);
}

/** Typed as carelessly as anything else. */
function typedMissing(template: MissingTemplate, talk: Talk, random: Random): Said {
  const said = sayMissing(template, talk.now, random);
  const draw = random.next();
  const text = draw < 0.3 ? said.text.replace(/[.?]$/, "") : said.text;
  return draw < 0.15 ? lowered({ ...said, text }) : { ...said, text };
}

/** The place that `pending` waits for. */
export function drawGivenPlace(pending: PendingCall, sources: ExchangeSources, talk: Talk): Asked {
  const { phrasings, random } = sources;
  const place = drawPlace(sources);
  const options = { place, now: talk.now, random, shares: sharesOf(sources) };
  return { place, question: givePlace(random.pick(phrasings.followUps.given), pending, options) };
}

/** A question about two places, with two calls. */
export async function drawComparison(sources: ExchangeSources, talk: Talk): Promise<Exchange> {
  const { random, places, phrasings } = sources;
  const [first, second] = random.shuffle(places);
  const template = random.pick(phrasings.compare);
  const { text, calls } = askComparison(template, [first!, second!], random);
  const { messages } = await callAndAnswer(
    text,
    calls,
    (results) => answerComparison(results, talk.persona, random),
    talk,
    sources,
  );
  const called = calls.map(({ name }) => name);
  return { domain: "tool", template: template.id, messages, called };
}

/** A question without a place, and the reply that asks for one. `waiting`: only such as have one right call. */
export function drawMissing(sources: ExchangeSources, talk: Talk, waiting = false): Exchange {
  const { voices, phrasings, said, random } = sources;
  const template = pickMissing(waiting ? phrasings.waiting : phrasings.missing, random);
  const { text, pending } = typedMissing(template, talk, random);
  return {
    domain: "missing-location",
    template: template.id,
    called: [],
    messages: [
      { role: "user", content: withRemark(text, voices.remarks, random) },
      { role: "assistant", content: said.pick(voices.missing.asks[talk.persona], random) },
    ],
    ...(pending && { pending }),
  };
}

/** Small talk and a reply in the talk's voice. */
export function drawBanter(sources: ExchangeSources, talk: Talk): Exchange {
  const { voices, phrasings, random } = sources;
  const { persona } = talk;
  const able = phrasings.banter.filter(({ reply }) => reply[persona] !== undefined);
  const entry = random.pick(able.length > 0 ? able : phrasings.banter);
  return {
    domain: "no-tool",
    template: entry.id,
    called: [],
    messages: [
      { role: "user", content: typed(withRemark(entry.text, voices.remarks, random), random) },
      {
        role: "assistant",
        content: entry.reply[persona] ?? random.pick(voices.banter.stock[persona]),
      },
    ],
  };
}
