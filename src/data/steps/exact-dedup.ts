/** Texts that are the same but for case, spacing and punctuation: one stays. */
import { hash } from "node:crypto";
import { join } from "node:path";
import type { Document } from "../../core/document.ts";
import { EXACT_DUPLICATE, type Step, drop, keep } from "../pipeline.ts";
import { openSpool } from "../spool.ts";
import { createIntList, equalKeys } from "./equal-keys.ts";
import { createSurvival } from "./survivor.ts";

/** What two copies have in common; texts without a letter keep their own form. */
export function plainForm(text: string): string {
  const plain = text
    .toLowerCase()
    .replaceAll("'", "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return plain === "" ? text : plain;
}

/** Integers of a form's SHA-256 that are compared: 128 bits. */
const HASH = 4;

function hashForm(text: string): Int32Array {
  const digest = hash("sha256", plainForm(text), "buffer");
  return Int32Array.from({ length: HASH }, (_, i) => digest.readInt32LE(4 * i));
}

/** `scratch` is a folder for documents that wait. */
export function exactDedupStep(sourceOrder: readonly string[], scratch: string): Step {
  return {
    name: "exact-dedup",
    async *run(stream) {
      const documents = await openSpool<Document>(join(scratch, ".exact-dedup.spool"));
      try {
        const survival = createSurvival(sourceOrder);
        const list = createIntList();
        for await (const document of stream) {
          list.append(hashForm(document.text));
          survival.add(document);
          await documents.append(document);
        }
        await documents.finish();
        const hashes = list.view();
        const winner = new Map<number, number>();
        for (const alike of equalKeys(documents.length, (i) => hashes[HASH * i]!)) {
          const forms = new Map<string, number[]>();
          for (const i of alike) {
            const rest = hashes.subarray(HASH * i + 1, HASH * (i + 1)).join();
            const form = forms.get(rest);
            if (form) form.push(i);
            else forms.set(rest, [i]);
          }
          for (const copies of forms.values()) {
            const [first, ...others] = copies.toSorted(survival.compare);
            for (const i of others) winner.set(i, first!);
          }
        }
        let i = 0;
        for (const document of documents) {
          const duplicateOf = winner.get(i++);
          yield duplicateOf === undefined
            ? keep(document)
            : drop(document, EXACT_DUPLICATE, undefined, survival.idOf(duplicateOf));
        }
      } finally {
        await documents.remove();
      }
    },
  };
}
