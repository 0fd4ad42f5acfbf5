/** A question after an answer: another place, another day; or the place that a question was waiting for. */
import {
  answerQuestion,
  drawFollowUp,
  drawGivenPlace,
  drawMissing,
  drawQuestion,
} from "../exchanges.ts";
import { type Category, weatherTools } from "./category.ts";

export const followUp: Category = {
  name: "follow-up",
  train: [],
  heldout: [],
  measured: false,
  async draw({ sources, earlier, talk }) {
    const { random } = sources;
    const waiting = random.next() < 0.3;
    const first = waiting
      ? drawMissing(earlier, talk, true)
      : await answerQuestion(drawQuestion(earlier, talk), talk, earlier);
    const { asked, pending } = first;
    const next = pending
      ? drawGivenPlace(pending, sources, talk)
      : asked
        ? drawFollowUp(asked, sources, talk)
        : drawQuestion(sources, talk);
    const second = await answerQuestion(next, talk, sources);
    const called = [...first.called, ...second.called];
    return { exchanges: [first, second], tools: weatherTools(called, random) };
  },
};
