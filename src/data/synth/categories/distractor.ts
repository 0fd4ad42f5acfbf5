/** The right tool among tools that have nothing to do with the question. */
import { answerQuestion, drawQuestion } from "../exchanges.ts";
import { type Category, someDistractors, weatherTools } from "./category.ts";

export const distractor: Category = {
  name: "distractor",
  train: [],
  heldout: [],
  measured: true,
  async draw({ sources, talk }) {
    const { random } = sources;
    const exchange = await answerQuestion(drawQuestion(sources, talk), talk, sources);
    const beside = someDistractors(random, 1, 4);
    return {
      exchanges: [exchange],
      tools: random.shuffle([...weatherTools(exchange.called, random), ...beside]),
    };
  },
};
