/** Who wrote a text, where a language model did, for the terminal. */
import type { WrittenBy } from "../core/conversation.ts";

/** Names and values; a value is undefined where it is not known. */
export function writtenFacts({
  model,
  served,
  prompt,
  sample,
  request,
  terms,
}: Partial<WrittenBy> = {}): [string, string | undefined][] {
  const nth = sample === undefined || sample === 0 ? "" : `, answer ${sample + 1}`;
  return [
    ["written by", model && `${model}${served === undefined ? "" : ` (served as ${served})`}`],
    ["terms", terms],
    ["prompt", prompt && `${prompt}${nth}`],
    ["request", request && `.cache/written/${request.slice(0, 2)}/${request}.json`],
  ];
}
