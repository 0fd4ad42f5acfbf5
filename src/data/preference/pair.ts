/** Two ways to go on from one prompt, as they are drawn: what the check needs to know is still with them. */
import type { AssistantMessage, Message, ToolDefinition } from "../../core/chat.ts";
import type { Domain, Persona } from "../../core/conversation.ts";
import type { Preference } from "../../core/preference.ts";

/** What may be done with something said: call a tool, ask for what is missing, decline, or just answer (When2Call). */
export const DECISIONS = ["call", "ask", "decline", "answer"] as const;
export type Decision = (typeof DECISIONS)[number];

export type PairKind =
  | { source: "decisions"; right: Decision; wrong: Decision }
  /** `voiced`: the prompt asks for a voice, and the plain answer loses; else the other way round. */
  | { source: "voice"; voiced: boolean }
  | { source: "grounded" };

export interface Pair {
  kind: PairKind;
  persona: Persona;
  domain: Domain;
  /** Of the question. */
  template: string;
  prompt: Message[];
  chosen: AssistantMessage;
  rejected: AssistantMessage;
  /** What comes after `chosen` in the whole episode: the results of its calls, and the answer. */
  rest: Message[];
  tools: ToolDefinition[];
}

/** `call-not-ask` */
export function kindName(kind: PairKind): string {
  switch (kind.source) {
    case "decisions":
      return `${kind.right}-not-${kind.wrong}`;
    case "voice":
      return kind.voiced ? "voiced-not-bland" : "plain-not-voiced";
    case "grounded":
      return "grounded-not-invented";
  }
}

export const GENERATOR = "twainbot-preference";

export const toPreference = (
  { kind, persona, domain, template, prompt, chosen, rejected, tools }: Pair,
  id: string,
  splitKey: string,
): Preference => ({
  id,
  prompt,
  chosen: [chosen],
  rejected: [rejected],
  ...(tools.length > 0 && { tools }),
  tags: { persona, domain, source: "preference", synthetic: true },
  meta: {
    parents: [],
    licence: "CC0-1.0",
    generator: `${GENERATOR} ${kindName(kind)}`,
    template,
    split_key: splitKey,
  },
});
