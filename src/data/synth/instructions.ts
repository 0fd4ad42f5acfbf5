/** Requests and replies made from collected documents: passages, sayings, headlines, jokes, answers. */
import type { Conversation, Domain, Persona } from "../../core/conversation.ts";
import { type Document, extraText, personaOf, splitKeyOf } from "../../core/document.ts";
import type { Random } from "../../core/random.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import { countWords, createSegmenter, splitSentences } from "../steps/sentences.ts";
import { fill } from "./fill.ts";
import { headlineTopic } from "./headline-topic.ts";
import {
  APHORISM,
  APHORISM_FREE,
  AUTHOR_NAMES,
  CONTINUE,
  HEADLINE,
  HEADLINE_FREE,
  IMITATE,
  JOKE,
} from "./instruction-templates.ts";
import { spokenTopic, topicOf } from "./topic.ts";
import { voiceMessages } from "./voices.ts";

/** Of passages with a topic, this share is carried on, the others are asked for by their topic. */
const CONTINUED = 0.4;

interface Lesson {
  domain: Domain;
  persona: Persona;
  template: string;
  user: string;
  answer: string;
  /** With the weather tools on offer, which the reply leaves alone. */
  offered?: boolean;
}

function choose(
  name: string,
  texts: readonly string[],
  random: Random,
): { id: string; text: string } {
  const at = random.integer(0, texts.length - 1);
  return { id: `${name}:${at}`, text: texts[at]! };
}

function humour(document: Document, random: Random): Lesson | undefined {
  if (document.kind === "joke") {
    const template = choose("joke", JOKE, random);
    const setup = extraText(document, "setup");
    const punchline = extraText(document, "punchline");
    return {
      domain: "humour",
      // Jokes are told in the house voice as often as in none.
      persona: random.next() < 0.5 ? "twain" : "neutral",
      template: template.id,
      user: fill(template.text, {
        topic: spokenTopic(extraText(document, "condition") ?? "general"),
      }),
      answer: setup && punchline ? `${setup} ${punchline}` : document.text,
    };
  }
  // Real news that only sounds like a joke teaches the wrong thing.
  if (document.extra.humorous === false) return undefined;
  const tag = extraText(document, "condition") ?? headlineTopic(document.text);
  const topic = tag && spokenTopic(tag);
  const template = topic
    ? choose("headline", HEADLINE, random)
    : choose("headline-free", HEADLINE_FREE, random);
  return {
    domain: "humour",
    persona: "neutral",
    template: template.id,
    user: fill(template.text, { topic: topic ?? "" }),
    answer: document.text,
  };
}

/** The first sentence, and the rest; undefined where either is too short to be asked for, or the first too long. */
export function cutStart(
  text: string,
  segmenter: Intl.Segmenter,
): { start: string; rest: string } | undefined {
  const paragraph = text.split("\n\n", 1)[0]!;
  // A line of verse is no sentence yet.
  let end = 0;
  for (const sentence of splitSentences(paragraph, segmenter)) {
    end = paragraph.indexOf(sentence, end) + sentence.length;
    if (/[.!?][)"']*$/.test(sentence)) break;
  }
  const start = text.slice(0, end);
  const rest = text.slice(end).trimStart();
  if (countWords(start) < 5 || countWords(start) > 40 || countWords(rest) < 15) return undefined;
  return { start, rest };
}

function literary(
  document: Document,
  random: Random,
  segmenter: Intl.Segmenter,
): Lesson | undefined {
  const persona = personaOf(document);
  if (persona === "neutral") return undefined;
  const given = extraText(document, "topic");
  const topic = given ? spokenTopic(given) : topicOf(document.text);
  const isAphorism = document.kind === "aphorism";
  const cut = given || isAphorism ? undefined : cutStart(document.text, segmenter);
  // "And he said:" leads nowhere.
  if (/[:,;]$/.test(document.text)) return undefined;
  // A chunk of a book has no given topic: many are carried on instead.
  if (cut && (topic === undefined || random.next() < CONTINUED)) {
    const template = choose("continue", CONTINUE, random);
    const user = fill(template.text, { start: cut.start });
    return { domain: "literary", persona, template: template.id, user, answer: cut.rest };
  }
  const asked = { topic: topic ?? "", author: AUTHOR_NAMES[persona] };
  if (topic === undefined && !isAphorism) return undefined;
  const template =
    topic === undefined
      ? choose("aphorism-free", APHORISM_FREE, random)
      : isAphorism && random.next() < 0.6
        ? choose("aphorism", APHORISM, random)
        : choose("imitate", IMITATE, random);
  const user = fill(template.text, asked);
  return { domain: "literary", persona, template: template.id, user, answer: document.text };
}

function lessonOf(
  document: Document,
  random: Random,
  segmenter: Intl.Segmenter,
): Lesson | undefined {
  switch (document.kind) {
    case "headline":
    case "joke":
      return humour(document, random);
    case "weather-answer": {
      const question = extraText(document, "question");
      if (!question) return undefined;
      const persona = personaOf(document);
      return {
        domain: "no-tool",
        persona,
        template: "answer",
        user: question,
        answer: document.text,
        // Asking what fog is asks for no report: half of these teach that.
        offered: random.next() < 0.5,
      };
    }
    case "book":
    case "passage":
    case "aphorism":
      return literary(document, random, segmenter);
    case "question":
      return undefined;
  }
}

/** Yields at most `perDocument` different rows a document and `maxPerTemplate` rows a template. */
export function* makeInstructions(
  documents: Iterable<Document>,
  options: { perDocument: number; maxPerTemplate: number; random: Random },
): Generator<Conversation> {
  const used = new Map<string, number>();
  const segmenter = createSegmenter();
  for (const document of documents) {
    const random = options.random.fork(document.id);
    const asked = new Set<string>();
    for (let i = 0; i < options.perDocument; i++) {
      const lesson = lessonOf(document, random, segmenter);
      if (!lesson || asked.has(lesson.user)) continue;
      const count = used.get(lesson.template) ?? 0;
      if (count >= options.maxPerTemplate) continue;
      used.set(lesson.template, count + 1);
      asked.add(lesson.user);
      yield {
        id: `instruction-${document.id}-${i}`,
        messages: [
          ...voiceMessages(lesson.persona),
          { role: "user", content: lesson.user },
          { role: "assistant", content: lesson.answer },
        ],
        ...(lesson.offered && { tools: [...WEATHER_TOOLS] }),
        tags: {
          persona: lesson.persona,
          domain: lesson.domain,
          source: document.source,
          synthetic: document.synthetic,
        },
        meta: {
          parents: [document.id],
          licence: document.licence,
          ...(document.url && { url: document.url }),
          generator: "twainbot-instructions",
          template: lesson.template,
          split_key: splitKeyOf(document),
          ...(document.review && { review: document.review }),
        },
      };
    }
  }
}

/** Plain prose for a base model from scratch: neutral passages and answers, nobody's voice. */
export function* makePlainText(documents: Iterable<Document>): Generator<Conversation> {
  for (const document of documents) {
    const written = document.kind === "passage" || document.kind === "weather-answer";
    const plain = extraText(document, "persona") === "neutral" || document.extra.role === "neutral";
    if (!plain || !(written || document.kind === "book")) continue;
    yield {
      id: `text-${document.id}`,
      messages: [{ role: "assistant", content: document.text }],
      tags: {
        persona: "neutral",
        domain: "text",
        source: document.source,
        synthetic: document.synthetic,
      },
      meta: {
        parents: [document.id],
        licence: document.licence,
        ...(document.url && { url: document.url }),
        split_key: splitKeyOf(document),
      },
    };
  }
}
