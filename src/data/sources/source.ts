/** What a source of documents is: one file a kind, listed in `index.ts`. */
import type { z } from "zod";
import type { Document } from "../../core/document.ts";
import type { Manners } from "./manners.ts";

export interface SourceContext {
  /** The recipe's `data.root`. */
  root?: string;
  /** Whether the source may download. */
  network: boolean;
  signal: AbortSignal;
  /** Downloads are kept here between runs. */
  cacheDir: string;
  /** The recipe's `data.privateHosts`: the only ones that may be on a private address. */
  privateHosts: readonly string[];
  /** The recipe's `data.contact`. */
  contact?: string;
  /** What the sources of a run know of the hosts that they ask. */
  manners?: Manners;
}

/** One thing that a source says: a document, a record it could not use, or how far it is. */
export type Collected =
  | { type: "document"; document: Document }
  | { type: "bad"; reason: string; at: string }
  /** The recipe allows that this source is left out, and it is; no document follows. */
  | { type: "skipped"; message: string }
  | { type: "progress"; label: string; done: number; total?: number };

export interface Source<Config> {
  /** The value of `kind` in the recipe; also `Document.source`. */
  kind: string;
  /** Strict, `kind` included. */
  schema: z.ZodType<Config>;
  /** A fingerprint of the local files that decide the result; must not touch the network. */
  inputs?(config: Config, data: { root?: string; network: boolean }): Promise<unknown>;
  /** Yields documents in a fixed order; throws TwainError for what the user must mend. */
  collect(config: Config, context: SourceContext): AsyncGenerator<Collected>;
}

/** A source with its config, ready to run. */
export interface OpenSource {
  inputs(data: { root?: string; network: boolean }): Promise<unknown>;
  collect(context: SourceContext): AsyncGenerator<Collected>;
}

/** A source whose config type is hidden, so that sources of all kinds fit in one list. */
export interface SourceKind {
  kind: string;
  schema: z.ZodType;
  /** `config` is a value that the schema accepts. */
  open(config: unknown): OpenSource;
}

export function sourceKind<Config>(source: Source<Config>): SourceKind {
  return {
    kind: source.kind,
    schema: source.schema,
    open(value) {
      const config = source.schema.parse(value);
      return {
        inputs: async (data) => (await source.inputs?.(config, data)) ?? null,
        collect: (context) => source.collect(config, context),
      };
    },
  };
}
