/** A plain passage of the corpus, told again in the voice of Twain or Franklin. */
import { z } from "zod";
import { type Document, extraText, splitKeyOf } from "../../core/document.ts";
import { hashWords } from "../steps/minhash.ts";
import { countWords } from "../steps/sentences.ts";
import { fill } from "../synth/fill.ts";
import { AUTHOR_NAMES } from "../synth/instruction-templates.ts";
import { voiceMessages } from "../synth/voices.ts";
import { drawRounds } from "./draws.ts";
import type { WrittenKind } from "./written-kind.ts";

const Reply = z.object({ text: z.string() });
const VOICES = ["twain", "franklin"] as const;

const REQUESTS: readonly string[] = [
  "Retell this as {author} might: {passage}",
  "Put this in the words of {author}: {passage}",
  "How would {author} have told this? {passage}",
  "Say this in your own manner: {passage}",
  "Rewrite this in your voice: {passage}",
  "Tell me this again, but make it worth hearing: {passage}",
];

/** Fewer words say too little to retell; more are more than a small model holds. */
const WORDS: readonly [low: number, high: number] = [25, 120];

/** Plain prose in nobody's voice. */
function isPlain(document: Document): boolean {
  const words = countWords(document.text);
  return (
    document.kind === "passage" &&
    (extraText(document, "persona") === "neutral" || document.extra.role === "neutral") &&
    words >= WORDS[0] &&
    words <= WORDS[1]
  );
}

/** Words long enough to carry a meaning. */
const contentWords = (text: string): Set<number> =>
  new Set(hashWords(text.match(/\p{L}{5,}/gu)?.join(" ") ?? ""));

const digits = (text: string): string[] => text.match(/\d+/g) ?? [];

/** Why a text is no retelling of the passage. */
export function retellingProblem(text: string, passage: string): string | undefined {
  const words = countWords(text);
  if (words < 15 || words < countWords(passage) * 0.4) return "too short";
  if (words > countWords(passage) * 2 + 30) return "too long";
  const known = digits(passage);
  if (digits(text).some((number) => !known.includes(number))) return "foreign number";
  const content = contentWords(passage);
  const shared = [...contentWords(text)].filter((word) => content.has(word)).length;
  return shared < Math.min(3, content.size * 0.15) ? "another subject" : undefined;
}

export const styleTransfer: WrittenKind = {
  name: "style-transfer",
  prompts: ["style-transfer"],
  requests: 1,
  plan({ documents, voiceTexts }, prompts, count, random) {
    const pairs = documents
      .filter(isPlain)
      .flatMap((document) => VOICES.map((persona) => ({ document, persona })));
    // Each passage once in each voice: a second retelling would teach little.
    const most = Math.min(count, pairs.length);
    const nameOf = ({ document, persona }: (typeof pairs)[number]): string =>
      `${persona}:${document.id}`;
    return drawRounds(pairs, nameOf, most, random).map(({ item, random: own }) => {
      const { document, persona } = item;
      const passage = document.text.replaceAll("\n", " ");
      const words = countWords(passage);
      const at = own.integer(0, REQUESTS.length - 1);
      return {
        id: `written:style-transfer:${nameOf(item)}`,
        kind: "passage",
        persona,
        parents: [document.id],
        licence: document.licence,
        given: passage,
        source: passage,
        async write(ask) {
          const { text } = await ask(
            prompts["style-transfer"]!,
            {
              voice: voiceTexts[persona],
              passage,
              low: Math.round(words * 0.7),
              high: Math.round(words * 1.4),
            },
            Reply,
          );
          return [text];
        },
        finish: async (text) => {
          const reason = retellingProblem(text, passage);
          if (reason !== undefined) return { reason };
          return {
            row: {
              persona,
              domain: "literary",
              template: `style-transfer:${at}`,
              splitKey: splitKeyOf(document),
              messages: [
                ...voiceMessages(persona),
                {
                  role: "user",
                  content: fill(REQUESTS[at]!, { author: AUTHOR_NAMES[persona], passage }),
                },
                { role: "assistant", content: text },
              ],
            },
          };
        },
      };
    });
  },
};
