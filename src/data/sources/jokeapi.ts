/** Jokes of JokeAPI (version 2), all of them in the order of their numbers. https://v2.jokeapi.dev */
import { z } from "zod";
import type { Document } from "../../core/document.ts";
import { TwainError } from "../../core/errors.ts";
import { sha256 } from "../../core/hash.ts";
import { parseAnswer } from "./parse-answer.ts";
import { createPoliteFetch } from "./polite-fetch.ts";
import type { Source } from "./source.ts";

const CATEGORIES = ["Programming", "Misc", "Dark", "Pun", "Spooky", "Christmas"] as const;
const FLAGS = ["nsfw", "religious", "political", "racist", "sexist", "explicit"] as const;

const Config = z.strictObject({
  kind: z.literal("jokeapi"),
  categories: z
    .array(z.enum(CATEGORIES))
    .nonempty()
    .default(["Programming", "Misc", "Pun", "Spooky", "Christmas"]),
  /** The service's safe mode: no joke that it flags or does not call safe. */
  safe: z.boolean().default(true),
  /** A joke with one of these is left out, in safe mode or not. */
  flags: z.array(z.enum(FLAGS)).default([...FLAGS]),
  language: z.string().length(2).default("en"),
  maxJokes: z.number().int().positive().default(1000),
  base: z.url({ protocol: /^https?$/ }).default("https://v2.jokeapi.dev"),
  delaySeconds: z.number().nonnegative().default(2),
  maxAgeHours: z
    .number()
    .nonnegative()
    .default(24 * 30),
});
type Config = z.infer<typeof Config>;

const Info = z.looseObject({
  jokes: z.looseObject({
    idRange: z.record(z.string(), z.tuple([z.number().int(), z.number().int().max(100_000)])),
  }),
});
const Joke = z.looseObject({
  id: z.number().int().nonnegative(),
  category: z.string(),
  type: z.string(),
  joke: z.string().optional(),
  setup: z.string().optional(),
  delivery: z.string().optional(),
  flags: z.record(z.string(), z.boolean()),
  safe: z.boolean(),
  lang: z.string(),
});
type Joke = z.infer<typeof Joke>;
/** One joke stands at the top of the answer, several in a list; none is an error with this code. */
const NO_JOKE = 106;
const Answer = z.union([
  z.looseObject({
    error: z.literal(true),
    code: z.number(),
    additionalInfo: z.string().optional(),
  }),
  z.looseObject({ error: z.literal(false), jokes: z.array(Joke) }),
  Joke.extend({ error: z.literal(false) }),
]);

/** The service's own limit for one request. */
const AMOUNT = 10;
const LICENCE = "MIT (JokeAPI)";
const TERMS = "https://github.com/Sv443-Network/JokeAPI/blob/main/LICENSE.txt";

/** Why a joke is left out, or undefined. The service was asked for none of these; it is not taken at its word. */
function unwanted(joke: Joke, config: Config): string | undefined {
  const flag = Object.keys(joke.flags).find((name) => joke.flags[name]);
  if (config.safe && flag !== undefined) return `flagged ${flag}`;
  if (config.safe && !joke.safe) return "not safe";
  const named = config.flags.find((name) => joke.flags[name]);
  if (named !== undefined) return `flagged ${named}`;
  if (!config.categories.some((name) => name === joke.category)) return "another category";
  return joke.lang === config.language ? undefined : "another language";
}

function toDocument(joke: Joke, base: string, fetchedAt: string): Document | string {
  const setup = joke.setup?.trim();
  const punchline = joke.delivery?.trim();
  const text =
    joke.type === "twopart" ? setup && punchline && `${setup}\n${punchline}` : joke.joke?.trim();
  if (!text) return joke.type === "twopart" ? "no setup or punchline" : "no text";
  const flags = Object.keys(joke.flags).filter((name) => joke.flags[name]);
  return {
    id: `jokeapi:${joke.lang}:${joke.id}`,
    kind: "joke",
    text,
    source: "jokeapi",
    url: `${base}/joke/Any?lang=${joke.lang}&idRange=${joke.id}`,
    licence: LICENCE,
    sha256: sha256(text),
    fetchedAt,
    synthetic: false,
    extra: {
      category: joke.category,
      terms: TERMS,
      ...(flags.length > 0 && { flags: flags.join(",") }),
      ...(setup && punchline && { setup, punchline }),
    },
  };
}

export const jokeapi: Source<Config> = {
  kind: "jokeapi",
  schema: Config,

  async *collect(config, context) {
    if (!context.network)
      throw new TwainError(
        "collect/network-off",
        "the jokes would have to be downloaded and the network is off",
        { hint: "Allow downloads with data.network=true." },
      );
    const base = config.base.replace(/\/+$/, "");
    const polite = createPoliteFetch({
      ...context,
      delaySeconds: config.delaySeconds,
      maxAgeHours: config.maxAgeHours,
      maxBytes: 1 << 20,
      // No joke in a range is 400 with a body that says so.
      answers: (status) => status === 400,
      instead: "leave the jokes out of data.sources",
    });
    const get = async <S extends z.ZodType>(
      path: string,
      schema: S,
    ): Promise<{ answer: z.output<S>; fetchedAt: string }> => {
      const at = `${base}${path}`;
      const found = await polite.get(at);
      if (!found)
        throw new TwainError("collect/missing-feed", `${at} does not exist`, {
          hint: "Is the base the address of a JokeAPI, version 2?",
        });
      return { answer: parseAnswer(found.bytes, schema, at), fetchedAt: found.fetchedAt };
    };

    const { answer: info } = await get("/info", Info);
    const range = Object.hasOwn(info.jokes.idRange, config.language)
      ? info.jokes.idRange[config.language]
      : undefined;
    if (!range)
      throw new TwainError(
        "collect/bad-answer",
        `${base} has no jokes in ${config.language}; it has ${Object.keys(info.jokes.idRange).join(", ")}`,
        { hint: "Choose one of these as language of the source." },
      );
    const [first, last] = range;
    const query = [
      `lang=${config.language}`,
      `amount=${AMOUNT}`,
      ...(config.flags.length > 0 ? [`blacklistFlags=${config.flags.join(",")}`] : []),
      ...(config.safe ? ["safe-mode"] : []),
    ].join("&");
    const seen = new Set<number>();
    let documents = 0;
    for (let from = first; from <= last && documents < config.maxJokes; from += AMOUNT) {
      context.signal.throwIfAborted();
      const to = Math.min(last, from + AMOUNT - 1);
      const path = `/joke/${config.categories.join(",")}?${query}&idRange=${from}-${to}`;
      const { answer, fetchedAt } = await get(path, Answer);
      if (answer.error && answer.code !== NO_JOKE)
        throw new TwainError(
          "collect/bad-answer",
          `${base}${path} answers error ${answer.code}: ${(answer.additionalInfo ?? "").slice(0, 200)}`,
        );
      const jokes = answer.error
        ? []
        : "jokes" in answer
          ? (answer.jokes as Joke[])
          : [answer as Joke];
      for (const joke of jokes.toSorted((a, b) => a.id - b.id)) {
        if (documents >= config.maxJokes) break;
        const result = seen.has(joke.id)
          ? "repeated joke"
          : (unwanted(joke, config) ?? toDocument(joke, base, fetchedAt));
        seen.add(joke.id);
        if (typeof result === "string")
          yield { type: "bad", reason: result, at: `${base} joke ${joke.id}` };
        else {
          documents++;
          yield { type: "document", document: result };
        }
      }
      yield { type: "progress", label: "jokes", done: to - first + 1, total: last - first + 1 };
    }
  },
};
