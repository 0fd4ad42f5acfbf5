/** How people ask for a piece of writing. `{topic}` can stand after "about": "rain", "a dog", "the Senate". */

/** What the voice is called in a request, where it is named at all. */
export const AUTHOR_NAMES = { twain: "Mark Twain", franklin: "Benjamin Franklin" } as const;

/** Requests for a few lines on a topic; `{author}` is the author's name. */
export const IMITATE: readonly string[] = [
  "Write a few lines about {topic} as {author} might.",
  "Write about {topic} in the manner of {author}.",
  "Say something about {topic} the way {author} would.",
  "What would {author} say about {topic}?",
  "How would {author} put it, on the subject of {topic}?",
  "Give me {author} on {topic}.",
  "In the voice of {author}, write about {topic}.",
  "Imitate {author} on the subject of {topic}.",
  "Write a short passage about {topic} in the style of {author}.",
  "Pretend you are {author} and talk about {topic}.",
  "What might {author} have written about {topic}?",
  "Let us have {author} on the matter of {topic}.",
  "Write me something on {topic}, {author} fashion.",
  "Tell me about {topic}.",
  "Tell me something about {topic}.",
  "Say something about {topic}.",
  "Write a few lines about {topic}.",
  "Write a short passage on {topic}.",
  "What do you think about {topic}?",
  "What are your thoughts on {topic}?",
  "Give me your opinion of {topic}.",
  "What have you to say about {topic}?",
  "Talk to me about {topic}.",
  "I would like to hear you on {topic}.",
  "What is your view of {topic}?",
  "Give me a few words on {topic}.",
  "Write something on the subject of {topic}.",
  "Have you anything to say about {topic}?",
  "Speak about {topic} for a minute.",
  "a few lines on {topic} please",
];

/** For texts short enough to be quoted whole. */
export const APHORISM: readonly string[] = [
  "Give me a saying about {topic}.",
  "Give me one line about {topic}.",
  "Say something short about {topic}.",
  "A remark on {topic}, please.",
  "Write a proverb about {topic}.",
  "Sum up {topic} in a sentence.",
  "Have you a maxim about {topic}?",
  "What is the long and short of {topic}?",
  "Make a witty remark about {topic}.",
  "In a sentence or two, what of {topic}?",
];

/** For a saying whose subject cannot be named; `{author}` is the author's name. */
export const APHORISM_FREE: readonly string[] = [
  "Give me a maxim in the manner of {author}.",
  "Write a saying such as {author} might have written.",
  "Say something wise and short, the way {author} would.",
  "Give me one line worthy of {author}.",
  "A saying in the style of {author}, please.",
  "Tell me a maxim.",
  "Have you a saying for the day?",
  "Give me a line to put at the head of a chapter.",
  "Say something clever in a sentence or two.",
  "Leave me with a word of wisdom.",
];

/** `{start}` is the beginning of the passage. */
export const CONTINUE: readonly string[] = [
  "Continue this passage: {start}",
  "Go on from here: {start}",
  "What comes next? {start}",
  "Continue in the same voice: {start}",
  "Carry this on: {start}",
  "Finish this: {start}",
];

export const HEADLINE: readonly string[] = [
  "Write a satirical headline about {topic}.",
  "Give me a satirical headline about {topic}.",
  "Write a funny headline about {topic}.",
  "A joke headline on {topic}, please.",
  "Make up a humorous headline about {topic}.",
  "What would a satirical newspaper say about {topic}?",
  "Invent a mock news headline about {topic}.",
  "Headline about {topic}, and make it funny.",
];

/** Where a headline has no topic that can be named. */
export const HEADLINE_FREE: readonly string[] = [
  "Write a satirical headline.",
  "Give me a satirical headline.",
  "Make up a funny headline.",
  "Invent a mock news headline.",
  "Write a headline for a humorous newspaper.",
  "What would be on the front page of a satirical newspaper?",
  "A headline that is not true but ought to be.",
  "Write a fake news headline, just for laughs.",
  "Come up with an absurd headline.",
  "One funny headline, please.",
  "Make me laugh with a headline.",
  "Surprise me with a joke headline.",
];

export const JOKE: readonly string[] = [
  "Tell me a joke about {topic}.",
  "Do you know a joke about {topic}?",
  "Have you got a joke about {topic}?",
  "Give me a joke about {topic}.",
  "Make me laugh about {topic}.",
  "I need a joke about {topic}.",
  "Say something funny about {topic}.",
  "A joke about {topic}, please.",
];
