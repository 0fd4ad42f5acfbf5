/** For tests of deduplication: documents, and what a step drops of them. */
import { readdir } from "node:fs/promises";
import { expect } from "vitest";
import type { Document } from "../../core/document.ts";
import type { Step } from "../pipeline.ts";

export const makeDocument = (id: string, text: string, more: Partial<Document> = {}): Document => ({
  id,
  kind: "passage",
  text,
  source: "s",
  licence: "l",
  sha256: "",
  synthetic: false,
  extra: {},
  ...more,
});

export interface Gone {
  id: string;
  of: string;
  numbers: Record<string, number>;
}

/**
 * What a step drops, by id, after the laws that all of them keep: one judgement each in the order of the input, a
 * document that goes goes for one that stays, nothing is left on disk in `scratch`.
 */
export async function goneBy(
  step: Step,
  documents: readonly Document[],
  scratch: string,
): Promise<Gone[]> {
  async function* stream(): AsyncGenerator<Document> {
    yield* documents;
  }
  const judged: string[] = [];
  const gone: Gone[] = [];
  for await (const judgement of step.run(stream())) {
    judged.push(judgement.document.id);
    expect(judgement.type).not.toBe("chunks");
    if (judgement.type !== "drop") continue;
    const { document, duplicateOf, numbers = {} } = judgement;
    gone.push({ id: document.id, of: duplicateOf!, numbers });
  }
  expect(judged).toEqual(documents.map(({ id }) => id));
  const names = new Set(gone.map(({ id }) => id));
  for (const { id, of } of gone) {
    expect(judged, id).toContain(of);
    expect(names.has(of), id).toBe(false);
  }
  expect(await readdir(scratch)).toEqual([]);
  return gone.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
