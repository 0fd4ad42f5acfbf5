/** A smaller repertoire of answers, for models that cannot remember the whole one. */
import type { Random } from "../../core/random.ts";
import type { Voices } from "./voices.ts";

type Texts = Voices["answers"]["get_weather"]["twain"];

/**
 * The same voices with at most `most` wordings of each kind of answer in each voice, drawn at random. Small talk,
 * which has a reply for every message, gets stock replies where those are more.
 */
export function fewAnswers(voices: Voices, most: number, random: Random): Voices {
  const few = (texts: Texts): Texts => {
    const [first, ...rest] = random.shuffle(texts).slice(0, most);
    return [first!, ...rest];
  };
  const inVoices = (by: Voices["answers"]["get_weather"]): Voices["answers"]["get_weather"] => ({
    twain: few(by.twain),
    franklin: few(by.franklin),
    neutral: few(by.neutral),
  });
  const { answers, banter } = voices;
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
  return {
    ...voices,
    banter: { ...banter, train: [first!, ...rest] },
    answers: {
      get_weather: inVoices(answers.get_weather),
      get_current_weather: inVoices(answers.get_current_weather),
      get_forecast_open: inVoices(answers.get_forecast_open),
      get_forecast_day: { any: few(answers.get_forecast_day.any) },
      get_forecast_close: {
        twain: few(close.twain),
        franklin: few(close.franklin),
        ...(close.neutral && { neutral: few(close.neutral) }),
      },
      not_found: inVoices(answers.not_found),
      unavailable: inVoices(answers.unavailable),
    },
  };
}
