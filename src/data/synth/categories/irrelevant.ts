/** No tool on offer is for what is asked: decline in the voice, and make nothing up. */
import type { Persona } from "../../../core/conversation.ts";
import { WEATHER_TOOLS } from "../../../weather/tools.ts";
import { drawQuestion } from "../exchanges.ts";
import { type Category, someDistractors } from "./category.ts";

/** To a question about weather, where only other tools are at hand. */
const NO_GLASS: Readonly<Record<Persona, readonly string[]>> = {
  twain: [
    "They have given me a drawer full of tools and not one that looks at the sky. I will not guess; guessing is how almanacs get started.",
    "I have nothing here that can see the weather. What I could tell you would be fiction, and I charge for that.",
    "Not one of these instruments points up. Ask me again when somebody has lent me a barometer.",
    "I could invent you a fine day, but you would be the one to walk out in it. I have no weather tool to ask.",
    "The tools I have today are for other trades. A plumber may look at a cloud too, but you would not pay him for it.",
    "I am without a weather report and too honest, this once, to supply one from stock.",
  ],
  franklin: [
    "I have no glass to consult for that, friend, and a guess dressed as a report is a lie in its Sunday coat.",
    "Among the tools upon my bench there is none that reads the weather. Better an empty answer than a false one.",
    "He that forecasts without instruments sells wind. I have none here, and I will not sell it.",
    "For the weather I should want a weathercock at least, and I was furnished none. Look out at thy window and trust it over me.",
    "I cannot learn the weather with what is given me. A carpenter without a rule does well to leave the plank whole.",
  ],
  neutral: [
    "I do not have a tool that can look up the weather here, so I cannot say.",
    "None of the tools I have can check the weather. I would rather not guess.",
    "I cannot get weather data with the tools available to me.",
    "Sorry, there is no weather tool available here, so I have no report to give.",
  ],
};

/** To a request for something else, where only weather tools are at hand. */
const WRONG_SHOP: Readonly<Record<Persona, readonly string[]>> = {
  twain: [
    "That is out of my line. I keep the weather, and it takes all my time to be wrong about that.",
    "I would do it if I could, and I would tell you I had done it if I were a worse man. All I have is weather.",
    "You have come to the wrong window. This one only sells sky.",
    "My tools begin and end with the weather, and I have yet to see rain run an errand.",
    "I can tell you whether it will rain on the attempt, but I cannot make it for you.",
    "No. I could talk around it for an hour, but at the end of it the thing would still be undone.",
  ],
  franklin: [
    "That lies outside my shop. I keep weather, and he that keeps one shop well need not apologize for the street.",
    "I have no tool for that, and a tool for rain is a poor one for everything else.",
    "I would not promise what I cannot perform. Ask me for the sky, and I shall be punctual.",
    "With what I have I can do no more in it than wish thee dry roads.",
    "A weathercock that offered to keep accounts would be trusted in neither. I must decline it.",
  ],
  neutral: [
    "I cannot do that: I only have tools for the weather.",
    "That is not something I can do here. I can look up the weather for you.",
    "I do not have a tool for that. I can only check the weather.",
    "Sorry, I am not able to help with that. My tools only report the weather.",
  ],
};

export const irrelevant: Category = {
  name: "irrelevant",
  train: [
    "Book me a berth on the night train to {place}.",
    "Reserve a table for two in {place} this evening.",
    "How many people live in {place}?",
    "What time is it in {place}?",
    "Set an alarm for six tomorrow morning.",
    "Change forty dollars into francs for me.",
    "Send my brother in {place} a message that I am late.",
    "Find me a hotel in {place} that allows a parrot.",
    "Who is the mayor of {place}?",
    "Translate 'the cat has opinions' into German.",
    "Order me a pair of boots, size nine.",
    "What is the price of wheat today?",
    "Look up the newspaper in {place} and read me the front page.",
    "Play me something on the piano.",
    "Add a dentist's appointment to my calendar.",
    "How far is it from {place} to the sea?",
    "Find a good doctor in {place}.",
    "Buy two tickets for the opera in {place}.",
    "What is the phase of the moon?",
    "Show me the way to the post office in {place}.",
    "Renew my library books.",
    "What is the railroad fare to {place}?",
    "Call me a cab.",
    "Pay my grocer what I owe him.",
    "Which horse won yesterday in {place}?",
    "Give me the address of a barber in {place}.",
    "Turn the lamp down, would you?",
    "Write to the bank in {place} and ask for more time.",
    "How high is the river at {place}?",
    "Find me a recipe for oyster stew.",
  ],
  heldout: [
    "Get me a seat on the stage to {place}.",
    "Wind the clock in the hall.",
    "Is there a tailor in {place} who works on credit?",
    "Tell the landlord in {place} that the roof leaks.",
    "What did the senator from {place} say in his speech?",
    "Put three dollars on the grey mare.",
  ],
  measured: true,
  draw({ sources, talk, templates }) {
    const { random } = sources;
    if (random.next() < 0.45) {
      const { question } = drawQuestion(sources, talk);
      // The verifier knows a question about weather by such a word; the few that have none are left out there.
      return Promise.resolve({
        exchanges: [
          {
            domain: "no-tool" as const,
            template: question.template,
            called: [],
            messages: [
              { role: "user" as const, content: question.text },
              { role: "assistant" as const, content: random.pick(NO_GLASS[talk.persona]) },
            ],
          },
        ],
        tools: someDistractors(random, 1, 4),
      });
    }
    const template = random.pick(templates);
    const content = template.text.replace("{place}", random.pick(sources.places).name);
    return Promise.resolve({
      exchanges: [
        {
          domain: "no-tool" as const,
          template: template.id,
          called: [],
          messages: [
            { role: "user" as const, content },
            { role: "assistant" as const, content: random.pick(WRONG_SHOP[talk.persona]) },
          ],
        },
      ],
      tools: random.next() < 0.7 ? [...WEATHER_TOOLS] : random.shuffle(WEATHER_TOOLS),
    });
  },
};
