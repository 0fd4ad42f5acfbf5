/** The three voices, as the page names them. */
import type { Persona } from "../../src/core/conversation.ts";

export interface Voice {
  persona: Persona;
  /** On the switch. */
  label: string;
  byline: string;
  /** Below the masthead's rule. */
  motto: string;
}

export const VOICES: readonly Voice[] = [
  {
    persona: "twain",
    label: "Mr. Twain",
    byline: "Mr. Twain replies",
    motto:
      "A pilot reads the river; a prudent man reads the forecast, and carries the umbrella regardless.",
  },
  {
    persona: "franklin",
    label: "Dr. Franklin",
    byline: "Dr. Franklin replies",
    motto: "Ask the sky early and the telegraph often; a dry coat is a fortune kept.",
  },
  {
    persona: "neutral",
    label: "Plain print",
    byline: "The Almanack replies",
    motto: "The weather as it was received, without embroidery.",
  },
];

export const voiceOf = (persona: Persona): Voice =>
  VOICES.find((voice) => voice.persona === persona)!;

export const QUESTIONS: readonly string[] = [
  "Will it rain in Hannibal, Missouri tomorrow?",
  "How is the weather in Philadelphia right now?",
  "Give me the forecast for Boston for the next 3 days.",
  "Which is warmer today, Paris or London?",
  "What do you make of people who trust a sunny morning?",
];
