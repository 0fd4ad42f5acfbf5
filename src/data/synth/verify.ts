/**
 * What a synthetic row must pass before it may train anything: format, schema, grounding of the
 * arguments, replay of the tools, and faithfulness of the answer. The first failure is the reason.
 */
import type { Tool, ToolMessage } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { type JsonObject, canonicalJson, isJsonObject } from "../../core/json.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { validateCall } from "../../weather/validate-call.ts";
import { cityOf } from "./answer.ts";
import { lacksUnits, wasSaid } from "./argument-source.ts";
import { type Fact, answersFact, factsAsked } from "./asked-facts.ts";
import { DISTRACTORS, isDistractor } from "./distractors.ts";
import { type Parts, exchangesOf } from "./episode-parts.ts";
import { originalTools } from "./rename-tools.ts";
import { readStatedToday } from "./stated-date.ts";
import { type Compared, hasVerdict, verdictHolds } from "./verdict.ts";
import { asksWeather } from "./weather-words.ts";
import { controlTag } from "./voices.ts";

export type RejectReason =
  | "format"
  | "voice"
  | "schema"
  | "ungrounded-argument"
  | "replay"
  | "unfaithful"
  | "foreign-number"
  /** What was asked for by name is neither given nor said to be missing. */
  | "not-answered"
  | "call-expected"
  | "call-unexpected"
  /** The tools on offer, or the calls, are not those of the row's category. */
  | "wrong-category";

/** Reasons of the maker, who sees all rows. */
export type MakerReason =
  | "duplicate"
  /** Its written answer stands in as many rows as one may. */
  | "said-too-often";

const sameJson = (a: unknown, b: unknown): boolean => canonicalJson(a) === canonicalJson(b);

function parseResult(message: ToolMessage): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(message.content);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Digits of the answer that neither the results nor the question hold. */
function hasForeignDigits(answer: string, sources: readonly string[]): boolean {
  const known = new Set(sources.flatMap((source) => source.match(/\d+/g) ?? []));
  return (answer.match(/\d+/g) ?? []).some((digits) => !known.has(digits));
}

/** A unit named apart from any number, as before a list of days. */
const LONE_UNIT = /(?<!(?:\d|\bdegrees?|°|\bzero) ?)\b(celsius|fahrenheit)\b/gi;

/** One that no result is in; beside a number it is for `checkGrounded` to say. */
function hasForeignUnit(answer: string, results: readonly JsonObject[]): boolean {
  const units = results.map((result) => result.units);
  return [...answer.matchAll(LONE_UNIT)].some(([unit]) => !units.includes(unit.toLowerCase()));
}

/** A tool that is offered is known word for word, and offered once. */
const offersKnown = (row: Conversation, tools: readonly Tool[]): boolean =>
  (row.tools ?? []).every((offered) =>
    [...DISTRACTORS, ...tools.map(({ definition }) => definition)].some(
      (known) => known.name === offered.name && sameJson(offered, known),
    ),
  ) && new Set(row.tools?.map(({ name }) => name)).size === (row.tools?.length ?? 0);

const offers = (row: Conversation, name: string): boolean =>
  row.tools?.some((tool) => tool.name === name) ?? false;

/** The system message must be the voice of the row, alone or with the date; the date where there is one. */
function heading(row: Conversation): { today: string | undefined } | undefined {
  const first = row.messages[0];
  const content = first?.role === "system" ? first.content : undefined;
  const tag = controlTag(row.tags.persona);
  if (content === tag) return { today: undefined };
  const stated = readStatedToday(content ?? "");
  return stated && stated.voice === (tag ?? "") ? { today: stated.today } : undefined;
}

/** What tells an answer that a tool gave from a failure: an error, or days without a day. */
const failed = (result: JsonObject): boolean =>
  "error" in result || (Array.isArray(result.days) && result.days.length === 0);

/** What a category promises beyond what every row must keep. */
function keepsCategory(row: Conversation, { user, rounds }: Parts): boolean {
  const offered = row.tools?.map(({ name }) => name) ?? [];
  const calls = rounds.flatMap((round) => round.calls);
  switch (row.meta.category) {
    case "distractor":
      return offered.some(isDistractor);
    case "parallel":
      return rounds.length === 1 && calls.length >= 2;
    case "dependent":
      return rounds.length >= 2;
    case "comparison":
      return calls.some(({ name }) => name === "compare_weather");
    case "irrelevant": {
      // Either no tool is for the weather that is asked about, or all are and something else is asked.
      const foreign = offered.filter(isDistractor).length;
      return offered.length > 0 && foreign === (asksWeather(user) ? offered.length : 0);
    }
    default:
      return true;
  }
}

/** The places of a comparison with their highs. */
const comparedIn = (results: readonly JsonObject[]): Compared[] =>
  results.flatMap(({ places }) =>
    (Array.isArray(places) ? places.filter(isJsonObject) : []).map((place) => ({
      city: cityOf(place),
      high: Number(place.high),
    })),
  );

/** Values of the arguments that name places. */
const placesOf = ({ rounds }: Parts): string[] =>
  rounds.flatMap(({ calls }) =>
    calls.flatMap(({ arguments: given }) => {
      if (!isJsonObject(given)) return [];
      return [given.location, given.name, given.locations]
        .flat()
        .filter((value) => typeof value === "string");
    }),
  );

/** A reply that asks for the place, which small talk does not. */
const ASKS_PLACE = /\b(?:towns?|places?|city|where|somewhere|planet|address|locations?)\b/i;

/** What an exchange is to answer: its own question, and the one before that waited for a place. */
function wantedAt(exchanges: readonly Parts[], at: number): Fact[] {
  const parts = exchanges[at]!;
  const own = factsAsked(parts.user, placesOf(parts));
  const before = exchanges[at - 1];
  const waited = before?.rounds.length === 0 && ASKS_PLACE.test(before.answer);
  return waited ? [...own, ...factsAsked(before.user)] : own;
}

/** Whether an answer gives what its question asks for by name, and a verdict where one is asked of a comparison. */
function isAnswered(exchanges: readonly Parts[], at: number, results: readonly JsonObject[]) {
  const { user, answer } = exchanges[at]!;
  if (comparedIn(results).length > 0 && /\b(?:warm|cold)er\b/i.test(user) && !hasVerdict(answer))
    return false;
  return wantedAt(exchanges, at).every((fact) => answersFact(fact, answer, results));
}

const CALLING = new Set(["tool", "tool-error", "hybrid"]);

/** Talk without a tool may mention snow; it may not state a reading. */
const READING = /\d\s*(?:°|%|-?degrees|per ?cent|mph|km\/h)/i;

/**
 * The reason to reject a row, or undefined. `tools` must run as they ran when the row was made. The row's
 * domain is that of its last exchange.
 */
export async function verifyEpisode(
  given: Conversation,
  tools: readonly Tool[],
  signal: AbortSignal,
): Promise<RejectReason | undefined> {
  const row = originalTools(
    given,
    tools.map(({ definition }) => definition),
  );
  const exchanges = exchangesOf(row);
  if (!exchanges) return "format";
  const head = heading(row);
  if (!head) return "voice";
  if (!offersKnown(row, tools)) return "schema";
  const { domain } = row.tags;
  for (const [at, parts] of exchanges.entries()) {
    const isLast = at === exchanges.length - 1;
    const called = parts.rounds.length > 0;
    if (isLast && CALLING.has(domain) && !called) return "call-expected";
    if (isLast && !CALLING.has(domain) && called) return "call-unexpected";
    const results: JsonObject[] = [];
    for (const round of parts.rounds) {
      const before = [...results];
      for (const [i, call] of round.calls.entries()) {
        const check = validateCall(call, tools);
        if (!check.ok || !offers(row, call.name) || !isJsonObject(call.arguments)) return "schema";
        const known = { exchanges, at, results: before, today: head.today };
        for (const [key, value] of Object.entries(call.arguments))
          if (!wasSaid(key, value, known)) return "ungrounded-argument";
        if (lacksUnits(parts.user, call.arguments, call.name !== "find_place"))
          return "ungrounded-argument";
        const stored = parseResult(round.results[i]!);
        const replayed = await check.tool.run(check.args, signal);
        if (!stored || !sameJson(stored, replayed)) return "replay";
        results.push(stored);
      }
    }
    if (isLast && called) {
      const wrong = results.filter(failed).length;
      if (wrong > 0 !== (domain === "tool-error")) return "replay";
    }
    if (isLast && !keepsCategory(row, parts)) return "wrong-category";
    if (!called && (!isLast || domain === "no-tool")) {
      if (READING.test(parts.answer)) return "unfaithful";
      continue;
    }
    const said = exchanges
      .slice(0, at + 1)
      .map(({ user }) => user)
      .join("\n");
    // A look-up says where a place is, not what its weather is.
    const reports = results.filter((result) => !("timezone" in result));
    if (!checkGrounded(parts.answer, reports, said).grounded) return "unfaithful";
    if (reports.length > 0 && hasForeignUnit(parts.answer, reports)) return "unfaithful";
    if (!verdictHolds(parts.answer, comparedIn(results))) return "unfaithful";
    const zone = reports.length === 0 ? results[0]?.timezone : undefined;
    if (typeof zone === "string" && !parts.answer.includes(zone)) return "unfaithful";
    const sources = parts.rounds.flatMap((round) => round.results.map(({ content }) => content));
    if (hasForeignDigits(parts.answer, [...sources, said])) return "foreign-number";
    // A failure has nothing to give, a place is only looked up.
    if (reports.length > 0 && !reports.some(failed) && !isAnswered(exchanges, at, reports))
      return "not-answered";
  }
  return undefined;
}
