/** What is asked when only the voice of the answer matters: no question needs a tool. */
import type { Message } from "../core/chat.ts";

const topics = [
  "rain",
  "fog",
  "a river in flood",
  "snow",
  "the almanac",
  "a thunderstorm",
  "steamboats",
  "politicians",
  "early rising",
  "newspapers",
  "a hot summer",
  "good advice",
  "travelling",
  "money",
  "old age",
];
const requests = [
  (topic: string) => `What do you make of ${topic}?`,
  (topic: string) => `Tell me something about ${topic}.`,
  (topic: string) => `Say a few words on ${topic}.`,
  (topic: string) => `Have you a story about ${topic}?`,
];

/** Sixty of them, after the given system message where there is one. */
export const stylePrompts = (system: string | undefined): Message[][] =>
  requests.flatMap((request) =>
    topics.map((topic): Message[] => [
      ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
      { role: "user", content: request(topic) },
    ]),
  );
