/** The question phrasings with their ids, and which side of the split each belongs to. */
import type { Random } from "../../core/random.ts";
import type { Template, WeatherToolName } from "./ask.ts";
import { COMPARE_TEMPLATES } from "./compare.ts";
import { type MissingTemplate, pendingCall, withoutPlace } from "./missing.ts";
import type { Voices } from "./voices.ts";

/** The tools in the shares that people ask for them. */
export function pickTool(random: Random): WeatherToolName {
  const draw = random.next();
  return draw < 0.55 ? "get_weather" : draw < 0.8 ? "get_current_weather" : "get_forecast";
}

type Side = "train" | "valid" | "test";

function sideOf(index: number, count: number, shares: { valid: number; test: number }): Side {
  const valid = Math.ceil(count * shares.valid);
  const test = Math.ceil(count * shares.test);
  return index < valid ? "valid" : index < valid + test ? "test" : "train";
}

/**
 * `<side>:<template id>` for every template: the split key of rows made from it, so that valid and
 * test hold phrasings that train never sees.
 */
export function splitKeys(
  templates: readonly Template[],
  shares: { valid: number; test: number },
  random: Random,
): Map<string, string> {
  const order = random.shuffle(templates);
  return new Map(
    order.map(({ id }, i) => [id, `${sideOf(i, order.length, shares)}:${id}`] as const),
  );
}

export const templatesOf = (name: string, texts: readonly string[]): Template[] =>
  texts.map((text, i) => ({ id: `${name}:${i}`, text }));

/** The training templates of each tool, with their ids. */
export const questionTemplates = (
  voices: Voices,
  side: "train" | "heldout",
): Record<WeatherToolName, Template[]> => {
  const of = (name: WeatherToolName): Template[] =>
    templatesOf(side === "train" ? name : `${name}:heldout`, voices.questions[name][side]);
  return {
    get_weather: of("get_weather"),
    get_current_weather: of("get_current_weather"),
    get_forecast: of("get_forecast"),
  };
};

type Replies = Voices["banter"]["train"][number]["reply"];

/** All that conversations may say, each with the id it goes by in split keys. */
export interface Phrasings {
  questions: Record<WeatherToolName, readonly Template[]>;
  compare: readonly Template[];
  /** Questions without a place. */
  missing: readonly MissingTemplate[];
  /** Of those, the ones that have one right call once there is a place. */
  waiting: readonly MissingTemplate[];
  /** Of those, the ones that name a day: asked after an answer, they are about the same place. */
  dated: readonly MissingTemplate[];
  banter: readonly (Template & { reply: Replies })[];
  /** What is said after an answer, or after the place was asked for. */
  followUps: Record<"place" | "day" | "given", readonly Template[]>;
}

const UNPLACED = "unplaced:";

/** Whole questions with their place left out, wherever they can do without. */
const unplaced = (questions: Phrasings["questions"]): MissingTemplate[] =>
  byTool(questions).flatMap(({ tool, template }) => {
    const text = withoutPlace(template.text);
    return text === undefined ? [] : [{ id: UNPLACED + template.id, text, tool }];
  });

export function phrasingsOf(voices: Voices, side: "train" | "heldout"): Phrasings {
  const name = (kind: string): string => (side === "train" ? kind : `${kind}:heldout`);
  const { place, day, given } = voices.followUps;
  const banter: readonly { user: string; reply?: Replies }[] = voices.banter[side];
  const questions = questionTemplates(voices, side);
  const missing: MissingTemplate[] = [
    ...templatesOf(name("missing"), voices.missing[side]),
    ...unplaced(questions),
  ];
  const toolOf = ({ tool, text }: MissingTemplate) => tool ?? pendingCall(text)?.tool;
  return {
    questions,
    compare: COMPARE_TEMPLATES,
    missing,
    waiting: missing.filter(toolOf),
    dated: missing.filter((template) => toolOf(template) === "get_weather"),
    banter: banter.map(({ user, reply }, i) => ({
      id: `${name("banter")}:${i}`,
      text: user,
      reply: reply ?? {},
    })),
    followUps: {
      place: templatesOf(name("another-place"), place[side]),
      day: templatesOf(name("another-day"), day[side]),
      given: templatesOf(name("given-place"), given[side]),
    },
  };
}

/** Those of the training side alone. */
export function onTrainSide(
  phrasings: Phrasings,
  splitKeys: ReadonlyMap<string, string>,
): Phrasings {
  const kept = <T extends Template>(templates: readonly T[]): T[] =>
    templates.filter(({ id }) => splitKeys.get(id)?.startsWith("train:"));
  const { questions, followUps } = phrasings;
  return {
    questions: {
      get_weather: kept(questions.get_weather),
      get_current_weather: kept(questions.get_current_weather),
      get_forecast: kept(questions.get_forecast),
    },
    compare: kept(phrasings.compare),
    missing: kept(phrasings.missing),
    waiting: kept(phrasings.waiting),
    dated: kept(phrasings.dated),
    banter: kept(phrasings.banter),
    followUps: {
      place: kept(followUps.place),
      day: kept(followUps.day),
      given: kept(followUps.given),
    },
  };
}

/** Question phrasings, each with the tool that it asks for. */
export const byTool = (
  questions: Phrasings["questions"],
): { tool: WeatherToolName; template: Template }[] =>
  (["get_weather", "get_current_weather", "get_forecast"] as const).flatMap((tool) =>
    questions[tool].map((template) => ({ tool, template })),
  );

/** Every template's split key; each kind of question is divided by itself, so no side lacks one. */
export function episodeSplitKeys(
  voices: Voices,
  shares: { valid: number; test: number },
  random: Random,
): Map<string, string> {
  const { questions, compare, missing, banter, followUps } = phrasingsOf(voices, "train");
  const lists: readonly (readonly Template[])[] = [
    ...Object.values(questions),
    compare,
    missing.filter(({ tool }) => !tool),
    banter,
    ...Object.values(followUps),
  ];
  const keys = new Map(lists.flatMap((list) => [...splitKeys(list, shares, random)]));
  // Without its place a question is on the side where it is with it.
  for (const { id, tool } of missing) {
    if (!tool) continue;
    const side = keys.get(id.slice(UNPLACED.length))!.split(":")[0]!;
    keys.set(id, `${side}:${id}`);
  }
  return keys;
}
