/**
 * Tool episodes: conversations of one exchange or two, each verified by running its calls again. And
 * what teaches restraint: banter with tools on offer, questions without a place, tools that fail.
 */
import type { Message, ToolDefinition } from "../../core/chat.ts";
import { type Conversation, EpisodeCategory, type Persona } from "../../core/conversation.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import type { CategoryContext, Drawn } from "./categories/category.ts";
import { CATEGORIES, categoryTemplates } from "./categories/index.ts";
import {
  type Exchange,
  type ExchangeSources,
  type Talk,
  answerQuestion,
  drawBanter,
  drawComparison,
  drawFollowUp,
  drawGivenPlace,
  drawMissing,
  drawQuestion,
  drawUnknownPlace,
  startTalk,
} from "./exchanges.ts";
import { createPhraseBook, mostSaid } from "./phrase-book.ts";
import { renameTools } from "./rename-tools.ts";
import { statedToday } from "./stated-date.ts";
import { onTrainSide, phrasingsOf } from "./question-templates.ts";
import { type RowWorld, createSimulator, someMoment } from "./simulator.ts";
import { type MakerReason, type RejectReason, verifyEpisode } from "./verify.ts";
import { type Voices, controlTag, voiceMessages } from "./voices.ts";

/** Everything that episodes are made from. */
export interface EpisodeSources {
  voices: Voices;
  /** Where training happens. */
  places: readonly Place[];
  /** All places that the offline provider knows. */
  world: readonly Place[];
}

/** `tags.source` of their rows. */
export const EPISODES = "episodes";

export type SynthItem =
  | { to: "dataset"; row: Conversation; world: RowWorld }
  /** `sameAs` is the row that says the same and was kept. */
  | { to: "rejected"; reason: RejectReason | MakerReason; row: Conversation; sameAs?: string };

export function pickPersona(random: Random): Persona {
  const draw = random.next();
  return draw < 0.45 ? "twain" : draw < 0.78 ? "franklin" : "neutral";
}

/** All three tools as a rule; else fewer, the right ones among them, in any order. */
export function offerTools(right: readonly string[], random: Random): ToolDefinition[] {
  if (random.next() < 0.75) return [...WEATHER_TOOLS];
  const needed = WEATHER_TOOLS.filter((tool) => right.includes(tool.name));
  const others = random.shuffle(WEATHER_TOOLS.filter((tool) => !right.includes(tool.name)));
  return random.shuffle([...needed, ...others.slice(0, random.integer(0, 1))]);
}

/** Where no call is right, mostly all tools are on offer: leaving them alone is what these rows teach. */
function toolsFor(exchanges: readonly Exchange[], random: Random): ToolDefinition[] {
  const called = exchanges.flatMap((exchange) => exchange.called);
  if (called.length > 0) return offerTools(called, random);
  const tools = random.next() < 0.75 ? [...WEATHER_TOOLS] : random.shuffle(WEATHER_TOOLS);
  const banter = exchanges.every((exchange) => exchange.domain === "no-tool");
  return banter && random.next() < 0.3 ? [] : tools;
}

/** One exchange. */
async function drawSingle(sources: ExchangeSources, talk: Talk): Promise<Exchange[]> {
  const { random, simulator } = sources;
  const draw = random.next();
  if (draw < 0.03) return [await drawComparison(sources, talk)];
  if (draw < 0.78) return [await answerQuestion(drawQuestion(sources, talk), talk, sources)];
  if (draw < 0.83) {
    if (random.next() < 0.55)
      return [await answerQuestion(drawUnknownPlace(sources, talk), talk, sources)];
    simulator.set(talk.now, "unavailable");
    return [await answerQuestion(drawQuestion(sources, talk), talk, sources)];
  }
  return [draw < 0.89 ? drawMissing(sources, talk) : drawBanter(sources, talk)];
}

/**
 * Two exchanges. The first is said in phrasings of the training side (`earlier`), so that the row may go to
 * any side by its last.
 */
async function drawDialogue(
  sources: ExchangeSources,
  earlier: ExchangeSources,
  talk: Talk,
): Promise<Exchange[]> {
  const { random } = sources;
  const draw = random.next();
  if (draw < 0.2) {
    const first = drawMissing(earlier, talk, true);
    const given = drawGivenPlace(first.pending!, sources, talk);
    return [first, await answerQuestion(given, talk, sources)];
  }
  if (draw < 0.3) {
    const first = drawBanter(earlier, talk);
    return [first, await answerQuestion(drawQuestion(sources, talk), talk, sources)];
  }
  const first = await answerQuestion(drawQuestion(earlier, talk), talk, earlier);
  if (draw < 0.4) return [first, drawBanter(sources, talk)];
  const next =
    draw < 0.7 || !first.asked
      ? drawQuestion(sources, talk)
      : drawFollowUp(first.asked, sources, talk);
  return [first, await answerQuestion(next, talk, sources)];
}

function pickCategory(
  mix: Partial<Record<EpisodeCategory, number>>,
  random: Random,
): EpisodeCategory {
  const shares = EpisodeCategory.options.map((name) => [name, mix[name] ?? 0] as const);
  let left = random.next() * shares.reduce((sum, [, share]) => sum + share, 0);
  return shares.find(([, share]) => (left -= share) < 0)?.[0] ?? "single";
}

const drawCategory = (
  name: EpisodeCategory,
  context: Omit<CategoryContext, "templates">,
): Promise<Drawn> => {
  const category = CATEGORIES[name];
  return category.draw({ ...context, templates: categoryTemplates(category, "train") });
};

/** The voice, and the date where one is stated. */
export function headMessages(persona: Persona, today: string | undefined): Message[] {
  if (today === undefined) return voiceMessages(persona);
  const parts = [controlTag(persona), statedToday(today)].filter((part) => part !== undefined);
  return [{ role: "system", content: parts.join("\n") }];
}

/** Yields verified rows, about `count` of them; what failed a check or came twice is reported. */
export async function* makeEpisodes(
  { voices, places, world }: EpisodeSources,
  options: {
    count: number;
    /** Share of the rows that have two exchanges. */
    dialogues: number;
    /** Of every template, as `episodeSplitKeys` gives them. */
    splitKeys: ReadonlyMap<string, string>;
    /** Shares by category; without it one exchange or two of the older mix. */
    mix?: Partial<Record<EpisodeCategory, number>> | undefined;
    /** Share of the rows whose tools and parameters go by other names. */
    renamed?: number;
    random: Random;
    signal: AbortSignal;
  },
): AsyncGenerator<SynthItem> {
  const { random, signal, splitKeys } = options;
  const simulator = createSimulator(world);
  const phrasings = phrasingsOf(voices, "train");
  const trained = onTrainSide(phrasings, splitKeys);
  const draft = createPhraseBook(mostSaid(options.count));
  /** Ids of the rows by what they say. */
  const seen = new Map<string, string>();

  for (let i = 0; i < options.count; i++) {
    signal.throwIfAborted();
    const talk = startTalk(pickPersona(random), someMoment(random));
    simulator.set(talk.now);
    const said = draft();
    const sources = { voices, phrasings, places, taught: true, said, simulator, random, signal };
    const earlier = { ...sources, phrasings: trained };
    const name = options.mix && pickCategory(options.mix, random);
    const drawn = name && (await drawCategory(name, { sources, earlier, talk }));
    const exchanges = drawn
      ? drawn.exchanges
      : random.next() < options.dialogues
        ? await drawDialogue(sources, earlier, talk)
        : await drawSingle(sources, talk);
    const tools = drawn ? drawn.tools : toolsFor(exchanges, random);
    const persona = drawn?.persona ?? talk.persona;
    const { domain, template } = exchanges.at(-1)!;
    const plain: Conversation = {
      id: `episode-${String(i).padStart(6, "0")}`,
      messages: [
        ...headMessages(persona, drawn?.today),
        ...exchanges.flatMap((exchange) => exchange.messages),
      ],
      ...(tools.length > 0 && { tools: [...tools] }),
      tags: { persona, domain, source: EPISODES, synthetic: true },
      meta: {
        parents: [],
        licence: "CC0-1.0",
        generator: "twainbot-episodes",
        template,
        ...(name && { category: name }),
        split_key: splitKeys.get(template) ?? `train:${template}`,
      },
    };
    const other = (options.renamed ?? 0) > 0 && random.next() < (options.renamed ?? 0);
    const row = other ? renameTools(plain, random) : plain;
    const text = JSON.stringify(row.messages);
    const sameAs = seen.get(text);
    const reason =
      (await verifyEpisode(row, simulator.tools, signal)) ??
      (sameAs === undefined ? undefined : "duplicate") ??
      (said.isWorn() ? "said-too-often" : undefined);
    // Of a refused row too: a wording that always fails would come up for ever.
    said.keep();
    if (reason) {
      const same = reason === "duplicate" && sameAs !== undefined;
      yield { to: "rejected", reason, row, ...(same && { sameAs }) };
      continue;
    }
    seen.set(text, row.id);
    yield { to: "dataset", row, world: { row: row.id, ...simulator.world() } };
  }
}
