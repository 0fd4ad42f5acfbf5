/** A smaller repertoire of answers, for models that cannot remember the whole one. */
import type { Random } from "../../core/random.ts";
import { FACTS, tellsFact } from "./asked-facts.ts";
import type { Voices } from "./voices.ts";

type Texts = Voices["answers"]["get_weather"]["twain"];

/** Of the wordings that are kept, one in so many tells each fact that may be asked for by name. */
const TELLING = 6;
/** Sentences on what a report lacks come beside another wording: a third as many are enough. */
const BESIDE = 3;

/**
 * The same voices with at most `most` wordings of each kind of answer in each voice, drawn at random. Small talk,
 * which has a reply for every message, gets stock replies where those are more.
 */
export function fewAnswers(voices: Voices, most: number, random: Random): Voices {
  const few = (texts: Texts, count = most): Texts => {
    const order = random.shuffle(texts);
    const telling = FACTS.flatMap((fact) =>
      order.filter((text) => tellsFact(fact, text)).slice(0, Math.floor(count / TELLING)),
    );
    const [first, ...rest] = [...new Set([...telling, ...order])].slice(0, count);
    return [first!, ...rest];
  };
  const inVoices = (
    by: Voices["answers"]["get_weather"],
    count = most,
  ): Voices["answers"]["get_weather"] => ({
    twain: few(by.twain, count),
    franklin: few(by.franklin, count),
    neutral: few(by.neutral, count),
  });
  const { answers, banter, missing } = voices;
  const stock = inVoices(banter.stock);
  const stocked = banter.train.map(({ user }) => ({
    user,
    reply: {
      twain: random.pick(stock.twain),
      franklin: random.pick(stock.franklin),
      neutral: random.pick(stock.neutral),
    },
  }));
  const [first, ...rest] = banter.train.length > most ? stocked : banter.train;
  const close = answers.get_forecast_close;
  const beside = Math.ceil(most / BESIDE);
  return {
    ...voices,
    banter: { ...banter, train: [first!, ...rest] },
    answers: {
      get_weather: inVoices(answers.get_weather),
      get_current_weather: inVoices(answers.get_current_weather),
      get_forecast_open: inVoices(answers.get_forecast_open),
      get_forecast_day: { any: few(answers.get_forecast_day.any) },
      get_forecast_chance: { any: few(answers.get_forecast_chance.any) },
      get_forecast_close: {
        twain: few(close.twain),
        franklin: few(close.franklin),
        ...(close.neutral && { neutral: few(close.neutral) }),
      },
      not_found: inVoices(answers.not_found),
      unavailable: inVoices(answers.unavailable),
      states: answers.states,
      lacks: {
        chance: inVoices(answers.lacks.chance, beside),
        precipitation: inVoices(answers.lacks.precipitation, beside),
        wind: inVoices(answers.lacks.wind, beside),
        humidity: inVoices(answers.lacks.humidity, beside),
      },
    },
    missing: { ...missing, asks: inVoices(missing.asks) },
  };
}
