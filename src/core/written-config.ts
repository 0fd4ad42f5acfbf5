/** `curate.written`: data that a language model writes, through any endpoint that speaks OpenAI's chat API. */
import { z } from "zod";

const positive = z.number().int().positive();
/** What the request says by itself; `endpoint.body` may not. */
const OWN_FIELDS = ["model", "messages", "stream", "n", "tools"];

const Endpoint = z.strictObject({
  /** Up to and with `/v1`; `/chat/completions` is added. */
  url: z
    .url({ protocol: /^https?$/, error: "an http or https address" })
    .refine((url) => !/^https?:\/\/[^/]*@/.test(url), "credentials belong in the environment")
    .transform((url) => url.replace(/\/+$/, "")),
  /** As the endpoint calls it; part of every row's label. */
  model: z.string().min(1).max(200),
  /** The environment variable that holds the key; none is sent where it is left out. */
  apiKeyEnv: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, "the name of an environment variable")
    .optional(),
  /** What the model's licence or the service's terms say of texts that it writes; follows every row. */
  terms: z.string().min(1).max(300),
  /** What the limit of an answer's length is called; newer models of OpenAI only know the second. */
  tokenLimit: z.enum(["max_tokens", "max_completion_tokens"]).default("max_tokens"),
  /** Further fields of the request, such as `response_format`. */
  body: z
    .record(z.string(), z.json())
    .refine(
      (body) => !OWN_FIELDS.some((field) => field in body),
      `may not set ${OWN_FIELDS.join(", ")}`,
    )
    .default({}),
});

export const WrittenConfig = z
  .strictObject({
    endpoint: Endpoint,
    /** How many texts of each kind; `data/written/index.ts` has the kinds. */
    kinds: z.record(z.string(), positive),
    /** null sends none, for models that take none. */
    temperature: z.number().min(0).max(2).nullable().default(0.8),
    topP: z.number().gt(0).max(1).nullable().default(null),
    /** Of one answer. */
    maxTokens: positive.max(32_768).default(500),
    /** How often a text is asked for whose answer is no good, each time as another sample. */
    tries: positive.max(10).default(2),
    /** Requests in flight at once. */
    concurrency: positive.max(256).default(4),
    /** Of one request. Node ends one that has said nothing for 300 s. */
    timeoutSeconds: z.number().positive().max(290).default(120),
    /** How often one request is sent where the endpoint is busy, failing or gone. */
    attempts: positive.max(10).default(4),
    /** What all that the recipe asks for may take, however many runs it needs; the rest is left unasked. */
    budget: z
      .strictObject({
        requests: positive.optional(),
        /** Prompts and answers together. */
        tokens: positive.optional(),
        /** In the currency of `prices`. */
        cost: z.number().positive().optional(),
      })
      .prefault({}),
    /** Of a million tokens. */
    prices: z
      .strictObject({ input: z.number().nonnegative(), output: z.number().nonnegative() })
      .optional(),
    /** At most so many texts for each collected text that a person wrote; `off` sets no limit. */
    cap: z.union([z.number().positive().max(4), z.literal("off")]).default(2),
    /** A larger share of failed requests stops the run; what was answered is kept for the next. */
    maxFailures: z.number().min(0).max(1).default(0.05),
  })
  .refine(({ budget, prices }) => budget.cost === undefined || prices, {
    path: ["prices"],
    error: "needed for budget.cost",
  });
export type WrittenConfig = z.infer<typeof WrittenConfig>;
