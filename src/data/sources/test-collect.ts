/** Runs one source with a config as a recipe gives it, for tests. */
import type { Document } from "../../core/document.ts";
import { Document as DocumentSchema } from "../../core/document.ts";
import type { Source, SourceContext } from "./source.ts";

export interface TestCollection {
  documents: Document[];
  bad: Record<string, number>;
}

/** Every document is checked against its schema. */
export async function testCollect<Config>(
  source: Source<Config>,
  config: Record<string, unknown>,
  context: Partial<SourceContext> & { cacheDir: string },
): Promise<TestCollection> {
  const result: TestCollection = { documents: [], bad: {} };
  const parsed = source.schema.parse({ kind: source.kind, ...config });
  for await (const item of source.collect(parsed, {
    network: true,
    signal: new AbortController().signal,
    privateHosts: ["127.0.0.1"],
    contact: "test@twainbot.example",
    ...context,
  })) {
    if (item.type === "document") result.documents.push(DocumentSchema.parse(item.document));
    if (item.type === "bad") result.bad[item.reason] = (result.bad[item.reason] ?? 0) + 1;
  }
  return result;
}
