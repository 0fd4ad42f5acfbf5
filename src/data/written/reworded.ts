/** An episode with its question in other words: what paraphrase and back-translation make of one. */
import { answerWeather } from "../synth/answer.ts";
import { phrasingsOf, byTool } from "../synth/question-templates.ts";
import { questionKey } from "../synth/cases.ts";
import {
  type AskedWeather,
  messagesOf,
  offeredTools,
  runCall,
  verifyDraft,
} from "./asked-weather.ts";
import { entailmentProblem, phrasingKey } from "./entailed.ts";
import type { Outcome, WrittenSources } from "./written-kind.ts";

/** Phrasings that only the evaluation may use, with nothing in their slots. */
export const heldoutPhrasings = ({ voices }: WrittenSources): ReadonlySet<string> =>
  new Set(
    byTool(phrasingsOf(voices, "heldout").questions).map(({ template }) =>
      questionKey(template.text.replaceAll(/\{\w+\}/g, " ")),
    ),
  );

/** The row, or why there is none: the call is no longer entailed, or the verifier refuses the whole. */
export async function rewordedRow(
  kind: string,
  text: string,
  number: number,
  asked: AskedWeather,
  heldout: ReadonlySet<string>,
  sources: WrittenSources,
): Promise<Outcome> {
  const { question, persona } = asked;
  const problem = entailmentProblem(text, question);
  if (problem !== undefined) return { reason: problem };
  if (heldout.has(phrasingKey(text, question))) return { reason: "held-out phrasing" };
  const result = await runCall(asked, sources);
  const answer = answerWeather(
    question,
    result,
    persona,
    sources.voices,
    asked.random.fork(`answer ${number}`),
  );
  const row = {
    persona,
    domain: "tool" as const,
    template: `${kind}:${asked.template.id}`,
    splitKey: asked.splitKey,
    tools: offeredTools(),
    messages: [...messagesOf(asked, text, result), { role: "assistant" as const, content: answer }],
  };
  const reason = await verifyDraft(row, asked, sources);
  return reason === undefined ? { row } : { reason };
}
