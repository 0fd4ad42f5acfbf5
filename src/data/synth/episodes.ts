/**
 * Tool episodes: a question, the call, the result of really running the tool on made-up weather, and
 * a voiced answer filled from that result. And what teaches restraint: banter with tools on offer,
 * questions without a place, tools that fail.
 */
import type { Message, ToolDefinition } from "../../core/chat.ts";
import type { Conversation, Domain, Persona } from "../../core/conversation.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";
import type { Place } from "../../weather/place.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import { answerWeather } from "./answer.ts";
import { type Question, TAUGHT, askWeather, drawTaughtPlace, withRemark } from "./ask.ts";
import { COMPARE_TEMPLATES, answerComparison, askComparison } from "./compare.ts";
import { inventTown } from "./names.ts";
import { pickTool, questionTemplates, templatesOf } from "./question-templates.ts";
import { createSimulator, someMoment } from "./simulator.ts";
import { type RejectReason, verifyEpisode } from "./verify.ts";
import { type Voices, voiceMessages } from "./voices.ts";

/** Everything that episodes are made from. */
export interface EpisodeSources {
  voices: Voices;
  /** Where training happens. */
  places: readonly Place[];
  /** All places that the offline provider knows. */
  world: readonly Place[];
}

export type SynthItem =
  | { to: "dataset"; row: Conversation }
  | { to: "rejected"; reason: RejectReason | "duplicate"; template?: string };

export function pickPersona(random: Random): Persona {
  const draw = random.next();
  return draw < 0.45 ? "twain" : draw < 0.78 ? "franklin" : "neutral";
}

/** All three tools as a rule; else fewer, the right ones among them, in any order. */
function offerTools(right: readonly string[], random: Random): ToolDefinition[] {
  if (random.next() < 0.75) return [...WEATHER_TOOLS];
  const needed = WEATHER_TOOLS.filter((tool) => right.includes(tool.name));
  const others = random.shuffle(WEATHER_TOOLS.filter((tool) => !right.includes(tool.name)));
  return random.shuffle([...needed, ...others.slice(0, random.integer(0, 1))]);
}

interface Draft {
  domain: Domain;
  persona: Persona;
  template: string;
  messages: Message[];
  tools: ToolDefinition[];
}

/** Banter is typed as carelessly as anything else. */
function typed(text: string, random: Random): string {
  const draw = random.next();
  if (draw < 0.15) return text.toLowerCase().replace(/[.?]$/, "");
  return draw < 0.3 ? text.replace(/[.?]$/, "") : text;
}

const callMessages = (
  calls: readonly { name: string; arguments: JsonObject }[],
  results: readonly JsonObject[],
  answer: string,
): Message[] => [
  {
    role: "assistant",
    content: null,
    toolCalls: calls.map((call, i) => ({ id: `call_${i + 1}`, ...call })),
  },
  ...results.map((result, i) => ({
    role: "tool" as const,
    toolCallId: `call_${i + 1}`,
    name: calls[i]!.name,
    content: JSON.stringify(result),
  })),
  { role: "assistant", content: answer },
];

/** Yields verified rows, about `count` of them; what failed a check or came twice is reported. */
export async function* makeEpisodes(
  sources: EpisodeSources,
  options: {
    count: number;
    /** Of every template, as `episodeSplitKeys` gives them. */
    splitKeys: ReadonlyMap<string, string>;
    random: Random;
    signal: AbortSignal;
  },
): AsyncGenerator<SynthItem> {
  const { voices, places, world } = sources;
  const { random, signal } = options;
  const simulator = createSimulator(world);
  const templates = questionTemplates(voices, "train");
  const missing = templatesOf("missing", voices.missing.train);
  const seen = new Set<string>();

  const ask = (place: Place, now: Date, real: boolean): Question => {
    const tool = pickTool(random);
    const template = random.pick(templates[tool]);
    return askWeather({
      tool,
      template,
      place,
      now,
      random,
      careless: real,
      remarks: voices.remarks,
      shares: TAUGHT,
    });
  };

  const weatherDraft = async (domain: "tool" | "tool-error", now: Date): Promise<Draft> => {
    const persona = pickPersona(random);
    const unknown = domain === "tool-error" && random.next() < 0.55;
    simulator.set(now, domain === "tool-error" && !unknown);
    const place = unknown
      ? { ...random.pick(places), name: inventTown(random), region: "", country: "" }
      : drawTaughtPlace(random, places);
    // An invented place has no area of its own to add.
    const question = ask(unknown ? { ...place, country: place.name } : place, now, !unknown);
    const call = { name: question.tool, arguments: question.arguments };
    const result = await simulator.run(call.name, call.arguments, signal);
    const answer = answerWeather(question, result, persona, voices, random);
    return {
      domain,
      persona,
      template: question.template,
      tools: offerTools([question.tool], random),
      messages: [
        ...voiceMessages(persona),
        { role: "user", content: question.text },
        ...callMessages([call], [result], answer),
      ],
    };
  };

  const comparisonDraft = async (now: Date): Promise<Draft> => {
    const persona = pickPersona(random);
    simulator.set(now, false);
    const pair = random.shuffle(places).slice(0, 2);
    const template = random.pick(COMPARE_TEMPLATES);
    const { text, calls } = askComparison(template, [pair[0]!, pair[1]!], random);
    const results: JsonObject[] = [];
    for (const call of calls) results.push(await simulator.run(call.name, call.arguments, signal));
    return {
      domain: "tool",
      persona,
      template: template.id,
      tools: offerTools(
        calls.map((call) => call.name),
        random,
      ),
      messages: [
        ...voiceMessages(persona),
        { role: "user", content: text },
        ...callMessages(calls, results, answerComparison(results, persona, random)),
      ],
    };
  };

  const missingDraft = (): Draft => {
    const persona = pickPersona(random);
    const template = random.pick(missing);
    return {
      domain: "missing-location",
      persona,
      template: template.id,
      tools: random.next() < 0.75 ? [...WEATHER_TOOLS] : random.shuffle(WEATHER_TOOLS),
      messages: [
        ...voiceMessages(persona),
        { role: "user", content: typed(withRemark(template.text, voices.remarks, random), random) },
        { role: "assistant", content: random.pick(voices.missing.asks[persona]) },
      ],
    };
  };

  const banterDraft = (): Draft => {
    const at = random.integer(0, voices.banter.train.length - 1);
    const { user, reply } = voices.banter.train[at]!;
    const able = (["twain", "franklin", "neutral"] as const).filter((name) => reply[name]);
    const persona = random.pick(able);
    return {
      domain: "no-tool",
      persona,
      template: `banter:${at}`,
      // Mostly with tools on offer: leaving them alone is what this teaches.
      tools: random.next() < 0.7 ? [...random.shuffle(WEATHER_TOOLS)] : [],
      messages: [
        ...voiceMessages(persona),
        { role: "user", content: typed(withRemark(user, voices.remarks, random), random) },
        { role: "assistant", content: reply[persona] ?? "" },
      ],
    };
  };

  for (let i = 0; i < options.count; i++) {
    signal.throwIfAborted();
    const now = someMoment(random);
    const draw = random.next();
    const draft =
      draw < 0.03
        ? await comparisonDraft(now)
        : draw < 0.78
          ? await weatherDraft("tool", now)
          : draw < 0.83
            ? await weatherDraft("tool-error", now)
            : draw < 0.89
              ? missingDraft()
              : banterDraft();
    const row: Conversation = {
      id: `episode-${String(i).padStart(6, "0")}`,
      messages: draft.messages,
      ...(draft.tools.length > 0 && { tools: draft.tools }),
      tags: {
        persona: draft.persona,
        domain: draft.domain,
        source: "episodes",
        synthetic: true,
      },
      meta: {
        parents: [],
        licence: "CC0-1.0",
        generator: "twainbot-episodes",
        template: draft.template,
        split_key: options.splitKeys.get(draft.template) ?? `train:${draft.template}`,
      },
    };
    const reason = await verifyEpisode(row, simulator.tools, signal);
    const text = JSON.stringify(row.messages);
    if (reason) yield { to: "rejected", reason, template: draft.template };
    else if (seen.has(text)) {
      yield { to: "rejected", reason: "duplicate", template: draft.template };
    } else {
      seen.add(text);
      yield { to: "dataset", row };
    }
  }
}
