/** The texts that synthesis builds on: question phrasings, voiced answers, banter. All ship in `corpus/`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Persona } from "../../core/conversation.ts";
import type { Message } from "../../core/chat.ts";
import { TwainError } from "../../core/errors.ts";
import { packageRoot } from "../../core/package-root.ts";

const texts = z.array(z.string().min(1)).nonempty();
const phrasings = z.strictObject({ train: texts, heldout: texts });
const perPersona = z.strictObject({ twain: texts, franklin: texts, neutral: texts });

/** Slots: `{place}`, `{date}` ("Saturday"), `{on_date}` ("on Saturday"), `{days}` ("three days"). */
const Questions = z.strictObject({
  get_weather: phrasings,
  get_current_weather: phrasings,
  get_forecast: phrasings,
});
const Missing = phrasings.extend({ asks: perPersona });
const Banter = z.strictObject({
  train: z
    .array(
      z.strictObject({
        user: z.string().min(1),
        reply: z.partialRecord(Persona, z.string().min(1)),
      }),
    )
    .nonempty(),
  heldout: z.array(z.strictObject({ user: z.string().min(1) })).nonempty(),
  /** Replies that fit any small talk, for models that cannot remember one for each. */
  stock: perPersona,
});
const byFact = <S extends z.ZodType>(schema: S) =>
  z.strictObject({ chance: schema, precipitation: schema, wind: schema, humidity: schema });
const anyVoice = z.strictObject({ any: texts });

/** Slots are keys of the result they are filled from, in short: `{high}`, `{chance}`, `{wind}` … */
const Answers = z.strictObject({
  get_weather: perPersona,
  get_current_weather: perPersona,
  get_forecast_open: perPersona,
  get_forecast_day: anyVoice,
  /** The same lines with the chance of rain, for those who ask for it. */
  get_forecast_chance: anyVoice,
  get_forecast_close: perPersona.partial({ neutral: true }),
  not_found: perPersona,
  unavailable: perPersona,
  /** What was asked for, where no template of the voice tells it. */
  states: byFact(anyVoice),
  /** What was asked for and the report does not have. */
  lacks: byFact(perPersona),
});

/** What is asked after an answer (another place, another day), and the place given after it was missing. */
const FollowUps = z.strictObject({ place: phrasings, day: phrasings, given: phrasings });

/** What people say before or after a question, and what must not change the call. */
const Remarks = texts;

export interface Voices {
  questions: z.infer<typeof Questions>;
  missing: z.infer<typeof Missing>;
  banter: z.infer<typeof Banter>;
  answers: z.infer<typeof Answers>;
  remarks: z.infer<typeof Remarks>;
  followUps: z.infer<typeof FollowUps>;
}

async function load<S extends z.ZodType>(name: string, schema: S): Promise<z.output<S>> {
  const path = join(packageRoot(), "corpus", name);
  const parsed = schema.safeParse(JSON.parse(await readFile(path, "utf8")));
  if (parsed.success) return parsed.data;
  throw new TwainError("data/bad-corpus", `${path}: ${z.prettifyError(parsed.error)}`);
}

/** Reads the six files; throws `data/bad-corpus` naming the path inside the file. */
export async function loadVoices(): Promise<Voices> {
  return {
    questions: await load("questions.json", Questions),
    missing: await load("missing.json", Missing),
    banter: await load("banter.json", Banter),
    answers: await load("answers.json", Answers),
    remarks: await load("remarks.json", Remarks),
    followUps: await load("followups.json", FollowUps),
  };
}

/** What switches the adapter's voice; neutral has no tag, so that an untagged chat stays plain. */
export const controlTag = (persona: Persona): string | undefined =>
  persona === "neutral" ? undefined : `[${persona}]`;

/** The system message that asks for a voice: one control tag, or no message at all. */
export function voiceMessages(persona: Persona): Message[] {
  const tag = controlTag(persona);
  return tag === undefined ? [] : [{ role: "system", content: tag }];
}
