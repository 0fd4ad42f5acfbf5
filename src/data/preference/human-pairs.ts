/** Pairs that people made: answers they edited, and rows they chose between. */
import type { Message } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { TwainError } from "../../core/errors.ts";
import { hashFile } from "../../core/hash.ts";
import { canonicalJson, isJsonObject } from "../../core/json.ts";
import { readJsonl } from "../../core/jsonl.ts";
import { type Preference, PreferenceRow, fromPreferenceRow } from "../../core/preference.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { WEATHER_TOOLS } from "../../weather/tools.ts";
import { lastResults } from "../review/edit.ts";
import { isInText } from "../synth/argument-source.ts";
import { GENERATOR } from "./pair.ts";

/** An edited answer is preferred to what it was edited from. */
export function editPair(before: Conversation, after: Conversation): Preference {
  const { id, messages, tools, tags, meta } = after;
  return {
    id: `preference-edit-${id}`,
    prompt: messages.slice(0, -1),
    chosen: messages.slice(-1),
    rejected: before.messages.slice(-1),
    ...(tools && { tools }),
    tags,
    meta: { ...meta, generator: `${GENERATOR} edited` },
  };
}

const noVotes = (path: string, cause: unknown): TwainError =>
  new TwainError("curate/no-votes", `${path} cannot be read`, {
    hint: "curate.preference.votes names a JSONL file, relative to where the command runs.",
    cause,
  });

/** For a fingerprint. Throws `curate/no-votes`. */
export const hashVotes = async (path: string): Promise<string> =>
  (
    await hashFile(path).catch((cause: unknown) => {
      throw noVotes(path, cause);
    })
  ).sha256;

/** Throws `curate/no-votes`, and `core/bad-jsonl` with the line. */
export async function* readVotes(path: string): AsyncGenerator<Preference> {
  await hashVotes(path);
  for await (const row of readJsonl(path, PreferenceRow)) yield fromPreferenceRow(row);
}

/** Why people's pair may not train, or undefined: what holds for made pairs holds for these. */
export function humanFault({ prompt, chosen, rejected }: Preference): string | undefined {
  if (canonicalJson(chosen) === canonicalJson(rejected)) return "equal-sides";
  const said = prompt.flatMap((message) => (message.role === "user" ? message.content : []));
  const earlier = prompt.flatMap(callsOf);
  for (const { name, arguments: given } of chosen.flatMap(callsOf)) {
    if (!WEATHER_TOOLS.some((tool) => tool.name === name)) continue;
    if (!isJsonObject(given)) return "schema";
    for (const [key, value] of Object.entries(given)) {
      const known =
        isInText(key, value, said.join("\n")) ||
        earlier.some((call) => isJsonObject(call.arguments) && call.arguments[key] === value);
      if (!known) return "ungrounded-argument";
    }
  }
  const results = lastResults({ messages: prompt });
  const answer = chosen.at(-1)?.content ?? "";
  if (results.length === 0 || answer === "") return undefined;
  return checkGrounded(answer, results, said.join("\n")).grounded ? undefined : "unfaithful";
}

const callsOf = (message: Message) =>
  message.role === "assistant" ? (message.toolCalls ?? []) : [];
