/**
 * A pair trains only where its better side passes the verifier of episodes and its worse one fails where it should:
 * another decision was right, or the voice is missing, or the answer says what no tool said.
 */
import type { AssistantMessage, Tool } from "../../core/chat.ts";
import { type JsonObject, canonicalJson, isJsonObject } from "../../core/json.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { lastResults } from "../review/edit.ts";
import { type RejectReason, verifyEpisode } from "../synth/verify.ts";
import type { Voices } from "../synth/voices.ts";
import type { Declines } from "./declines.ts";
import type { Decision, Pair } from "./pair.ts";

export type PairFault =
  | RejectReason
  | "equal-sides"
  | "another-decision"
  | "said-argument"
  | "nothing-invented"
  | "not-bland"
  | "rejected-is-unfaithful"
  | "rejected-is-faithful";

/** What can be said of texts that come from the corpus. */
export interface Repertoire {
  /** Undefined where it says nothing and calls nothing. */
  decisionOf(turn: AssistantMessage): Decision | undefined;
  /** Whether a text is one of the plain voice. */
  isPlain(text: string): boolean;
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A template as a pattern for the start of what it is filled to; filling mends "a 8" and "1 degrees". */
const patternOf = (template: string): string =>
  template
    .split(/\{\w+\}/)
    .map((part) =>
      escaped(part)
        .replace(/\b([Aa]) $/, "$1n? ")
        .replace(/\bdegrees\b/g, "degrees?"),
    )
    .join(".+?");

export function createRepertoire(voices: Voices, declines: Declines): Repertoire {
  const all = (by: Record<string, readonly string[]>): string[] => Object.values(by).flat();
  const asks = new Set(all(voices.missing.asks));
  const declined = new Set([...all(declines.replies), ...all(declines.later)]);
  const { get_weather, get_current_weather, get_forecast_open, states, lacks } = voices.answers;
  const plain = [get_weather, get_current_weather, get_forecast_open].flatMap((by) => by.neutral);
  const before = [
    ...Object.values(states).flatMap(({ any }) => any),
    ...Object.values(lacks).flatMap(({ neutral }) => neutral),
  ];
  const plainTalk = new Set([
    ...voices.banter.stock.neutral,
    ...voices.banter.train.flatMap(({ reply }) => reply.neutral ?? []),
  ]);
  const oneOf = (templates: readonly string[]): string =>
    `(?:${templates.map(patternOf).join("|")})`;
  const filled = new RegExp(`^(?:${oneOf(before)} )*${oneOf(plain)}`, "i");
  return {
    decisionOf({ content, toolCalls }) {
      if (toolCalls) return "call";
      if (!content?.trim()) return undefined;
      if (asks.has(content)) return "ask";
      return declined.has(content) ? "decline" : "answer";
    },
    isPlain: (text) => plainTalk.has(text) || filled.test(text),
  };
}

const userText = ({ prompt }: Pair): string =>
  prompt.flatMap((message) => (message.role === "user" ? message.content : [])).join("\n");

/** Whether the place of a call was said by the user, however it was typed. */
const namesPlace = ({ location }: JsonObject, said: string): boolean =>
  typeof location === "string" && said.toLowerCase().includes(location.toLowerCase());

function decisionFault(
  pair: Pair,
  { right, wrong }: { right: Decision; wrong: Decision },
  { decisionOf }: Repertoire,
): PairFault | undefined {
  const { chosen, rejected, template } = pair;
  if (right === wrong || decisionOf(chosen) !== right || decisionOf(rejected) !== wrong)
    return "another-decision";
  const said = userText(pair);
  if (wrong === "call" && (right === "ask" || right === "answer")) {
    // It is wrong for a place that nobody named.
    const calls = (rejected.toolCalls ?? []).map((call) => call.arguments).filter(isJsonObject);
    if (calls.some((given) => namesPlace(given, said))) return "said-argument";
  }
  if (wrong === "answer" && !template.startsWith("decline:")) {
    const { unsupported } = checkGrounded(rejected.content ?? "", [], said);
    if (unsupported.length === 0) return "nothing-invented";
  }
  return undefined;
}

/** The reason to reject a pair, or undefined. `tools` must run as they ran when it was drawn. */
export async function verifyPair(
  pair: Pair,
  repertoire: Repertoire,
  tools: readonly Tool[],
  signal: AbortSignal,
): Promise<PairFault | undefined> {
  const { kind, prompt, chosen, rejected, rest } = pair;
  if (canonicalJson(chosen) === canonicalJson(rejected)) return "equal-sides";
  const verify = (...messages: Pair["rest"]): Promise<RejectReason | undefined> =>
    verifyEpisode(
      {
        id: "",
        messages: [...prompt, ...messages],
        tools: pair.tools,
        tags: { persona: pair.persona, domain: pair.domain, source: "preference", synthetic: true },
        meta: { parents: [], licence: "CC0-1.0", split_key: pair.template },
      },
      tools,
      signal,
    );
  const fault = await verify(chosen, ...rest);
  if (fault) return fault;
  const text = rejected.content ?? "";
  switch (kind.source) {
    case "decisions":
      return decisionFault(pair, kind, repertoire);
    case "voice": {
      if (await verify(rejected)) return "rejected-is-unfaithful";
      const [plain, voiced] = kind.voiced ? [text, chosen.content] : [chosen.content, text];
      const told = repertoire.isPlain(plain ?? "") && !repertoire.isPlain(voiced ?? "");
      return told ? undefined : "not-bland";
    }
    case "grounded": {
      const results = lastResults({ messages: prompt });
      return checkGrounded(text, results, userText(pair)).grounded
        ? "rejected-is-faithful"
        : undefined;
    }
  }
}
