/** The tool fails, is too slow, or knows nothing: say so, and state no weather. */
import type { Persona } from "../../../core/conversation.ts";
import { answerQuestion, drawQuestion, drawUnknownPlace } from "../exchanges.ts";
import type { Failure } from "../simulator.ts";
import { type Category, weatherTools } from "./category.ts";

type Replies = Readonly<Record<Persona, readonly string[]>>;

const TOO_SLOW: Replies = {
  twain: [
    "I waited on the weather office until my coffee was cold, and it never came to the wire. Try me again in a while.",
    "The report set out and has not arrived. I have known trains like that. Ask me again presently.",
    "They kept me waiting past all patience and then past the limit. I have no weather to give you yet.",
    "The weather office is thinking it over. It had its time, and I will not finish its sentence for it.",
    "No answer inside the time allowed. I could fill the gap with talk, but you asked for weather.",
  ],
  franklin: [
    "The report is late, and I will not set type for news that has not come. Ask again shortly.",
    "I waited the full allowance and no answer came. The loss is mine and the gain nobody's; try it once more.",
    "The messenger is slow today. Better to confess an empty bag than to forge a letter.",
    "The glass did not speak in the time given it. Patience, friend, and ask anew.",
  ],
  neutral: [
    "The weather service took too long to answer, so I have no report. Please try again.",
    "The request timed out. I cannot give you the weather right now.",
    "I did not get an answer in time. Shall I try again in a moment?",
  ],
};

const EMPTY: Replies = {
  twain: [
    "The office answered with a perfectly blank sheet. I have read worse reports, but never a shorter one. There is no forecast for that yet.",
    "They have nothing down for that time, and I decline to write it in for them.",
    "I asked, and they sent me an envelope with no letter in it. No forecast there, I am sorry to say.",
    "The book has the page, but there is no writing on it. Ask for some other day and I will look again.",
    "They know nothing about it, and for once they admit it. I will follow the example.",
  ],
  franklin: [
    "The page for that is blank, and a blank page is at least free from error. I have no forecast to give.",
    "No report is entered there. What is not in the ledger ought not to be in the mouth.",
    "The office has nothing for that time. An honest gap mends sooner than a false plank.",
    "I found the drawer and found it empty. Try another day, friend.",
  ],
  neutral: [
    "The service returned no forecast for that time, so I cannot say.",
    "There is no data for that yet. You could ask for another day.",
    "The report came back empty. I do not have a forecast for that.",
  ],
};

export const failure: Category = {
  name: "failure",
  train: [],
  heldout: [],
  measured: false,
  async draw({ sources, talk }) {
    const { random, simulator } = sources;
    const draw = random.next();
    const kind: Failure | undefined =
      draw < 0.3 ? undefined : draw < 0.55 ? "unavailable" : draw < 0.8 ? "timeout" : "empty";
    simulator.set(talk.now, kind);
    let asked = kind ? drawQuestion(sources, talk) : drawUnknownPlace(sources, talk);
    // What the weather is now never comes back empty.
    while (kind === "empty" && asked.question.tool === "get_current_weather")
      asked = drawQuestion(sources, talk);
    const exchange = await answerQuestion(asked, talk, sources);
    const replies = kind === "timeout" ? TOO_SLOW : kind === "empty" ? EMPTY : undefined;
    const messages = replies
      ? exchange.messages.with(-1, {
          role: "assistant",
          content: random.pick(replies[talk.persona]),
        })
      : exchange.messages;
    return {
      exchanges: [{ ...exchange, domain: "tool-error", messages }],
      tools: weatherTools(exchange.called, random),
    };
  },
};
