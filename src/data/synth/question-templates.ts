/** The question phrasings with their ids, and which side of the split each belongs to. */
import type { Random } from "../../core/random.ts";
import type { Template, WeatherToolName } from "./ask.ts";
import { COMPARE_TEMPLATES } from "./compare.ts";
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
function splitKeys(
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

/** All question phrasings on the training side. */
export const trainQuestions = (
  voices: Voices,
  splitKeys: ReadonlyMap<string, string>,
): { tool: WeatherToolName; template: Template }[] => {
  const templates = questionTemplates(voices, "train");
  return (["get_weather", "get_current_weather", "get_forecast"] as const).flatMap((tool) =>
    templates[tool]
      .filter(({ id }) => splitKeys.get(id)?.startsWith("train:"))
      .map((template) => ({ tool, template })),
  );
};

/** Messages on the training side that name no place, and those that ask for no weather. */
export function trainMessages(
  voices: Voices,
  splitKeys: ReadonlyMap<string, string>,
): { missing: string[]; banter: string[] } {
  const ofTrain = (name: string, texts: readonly string[]): string[] =>
    templatesOf(name, texts)
      .filter(({ id }) => splitKeys.get(id)?.startsWith("train:"))
      .map(({ text }) => text);
  return {
    missing: ofTrain("missing", voices.missing.train),
    banter: ofTrain(
      "banter",
      voices.banter.train.map(({ user }) => user),
    ),
  };
}

/** Every template's split key; each kind of question is divided by itself, so no side lacks one. */
export function episodeSplitKeys(
  voices: Voices,
  shares: { valid: number; test: number },
  random: Random,
): Map<string, string> {
  const lists = [
    ...Object.values(questionTemplates(voices, "train")),
    COMPARE_TEMPLATES,
    templatesOf("missing", voices.missing.train),
    templatesOf(
      "banter",
      voices.banter.train.map((entry) => entry.user),
    ),
  ];
  return new Map(lists.flatMap((list) => [...splitKeys(list, shares, random)]));
}
