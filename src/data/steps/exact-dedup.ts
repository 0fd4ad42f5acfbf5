/** Texts that are the same but for case, spacing and punctuation: one stays. */
import type { Document } from "../../core/document.ts";
import { EXACT_DUPLICATE, type Step, drop, keep } from "../pipeline.ts";
import { bySurvival } from "./survivor.ts";

/** What two copies have in common; texts without a letter keep their own form. */
export function plainForm(text: string): string {
  const plain = text
    .toLowerCase()
    .replaceAll("'", "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return plain === "" ? text : plain;
}

export function exactDedupStep(sourceOrder: readonly string[]): Step {
  return {
    name: "exact-dedup",
    async *run(stream) {
      const documents: Document[] = [];
      const groups = new Map<string, number[]>();
      for await (const document of stream) {
        const form = plainForm(document.text);
        const group = groups.get(form);
        if (group) group.push(documents.length);
        else groups.set(form, [documents.length]);
        documents.push(document);
      }
      const winner = new Map<number, string>();
      for (const group of groups.values()) {
        if (group.length === 1) continue;
        const members = group.map((i) => documents[i]!);
        const [first, ...rest] = bySurvival(members, sourceOrder);
        for (const i of rest) winner.set(group[i]!, members[first!]!.id);
      }
      for (const [i, document] of documents.entries()) {
        const duplicateOf = winner.get(i);
        yield duplicateOf === undefined
          ? keep(document)
          : drop(document, EXACT_DUPLICATE, undefined, duplicateOf);
      }
    },
  };
}
