/** Remarks on kinds of weather, one town's at a time; `{city}` is the town. They laugh at weather, not at people. */
import type { Persona } from "../../core/conversation.ts";

export const SKIES = ["rain", "snow", "fog", "clear", "clouds", "storm"] as const;
export type Sky = (typeof SKIES)[number];

/** Which of them a tool's conditions are; a mixture counts as its worst part. */
export function skyOf(conditions: string): Sky | undefined {
  if (/thunder/.test(conditions)) return "storm";
  if (/snow/.test(conditions)) return "snow";
  if (/^(?:light|steady|heavy|violent) rain/.test(conditions)) return "rain";
  if (/fog/.test(conditions)) return "fog";
  if (/clear skies/.test(conditions)) return "clear";
  return /cloud|overcast/.test(conditions) ? "clouds" : undefined;
}

type Quips = Readonly<Record<Exclude<Persona, "neutral">, readonly string[]>>;

export const QUIPS: Readonly<Record<Sky, Quips>> = {
  rain: {
    twain: [
      "The rain in {city} came to look at a room, and took the whole house.",
      "They say it cannot rain in {city} forever, but nobody there has the evidence.",
      "I bought an umbrella in {city}, and the rain went around behind it.",
      "In {city} the rain is free, and delivered, and you cannot send it back.",
      "It rains so conscientiously in {city} that the gutters have asked for a holiday.",
      "The ducks of {city} have formed a committee to say that it is overdone.",
      "I asked when the rain in {city} would end, and was shown a calendar with no pages left.",
      "Rain in {city} is punctual at picnics and late for fires.",
    ],
    franklin: [
      "Rain at {city} pays every roof a visit, and stays longest with the worst.",
      "He that waits in {city} for the rain to apologize will be wet and unanswered.",
      "At {city} the rain fills the barrel of the careful man and the shoe of the other.",
      "A borrowed umbrella in {city} remembers its owner at the first drop of rain.",
      "The rain of {city} asks no rent of the shingle and forgives no nail.",
      "Three things in {city} cannot be hurried: bread, grandmothers, and the end of rain.",
    ],
  },
  snow: {
    twain: [
      "The snow in {city} covers everything but the firewood bill.",
      "Snow fell on {city} so quietly that it was on the second floor before anyone complained.",
      "In {city} they shovel the snow from one side of the street to the other, to be fair to both.",
      "I admired the snow in {city} until it was my turn with the shovel; then I saw its faults.",
      "The snow in {city} is beautiful, like most things that somebody else has to remove.",
      "A snowman in {city} has stood so long that he was asked to serve on a jury.",
      "The mail reached {city} through the snow in good order. The mailman is expected Thursday week.",
    ],
    franklin: [
      "Snow upon {city} makes all roofs equal, and all chimneys tell who bought wood.",
      "Praise the snow of {city} from within; from without it hears poorly.",
      "The snow at {city} is a white lie that the thaw finds out.",
      "A shovel lent in {city} before the snow is a friend lost until spring.",
      "He that sleeps late in {city} finds his snow as deep and his neighbor's cleared.",
    ],
  },
  fog: {
    twain: [
      "The fog in {city} was so thick that I shook hands with a gatepost and it seemed pleased.",
      "In {city} the fog has been mistaken twice for the town hall, and once elected.",
      "I saw all of {city} in the fog. It took a minute and I kept my hand on it the whole time.",
      "The fog in {city} hides the scenery, and on the whole neither of them is the worse for it.",
      "A man in {city} leaned on the fog to light his pipe, and it held.",
      "The fog lay on {city} like a lawyer's opinion: it covered everything and showed nothing.",
    ],
    franklin: [
      "In the fog of {city} every man is near his neighbor and none can borrow of him.",
      "Fog at {city} teaches the tall what the short always knew.",
      "A candle carried in the fog of {city} lights chiefly him that carries it.",
      "The fog over {city} lifts when it will; so does a guest.",
      "He that curses the fog in {city} has found the one thing there he could see.",
    ],
  },
  clear: {
    twain: [
      "The sky over {city} is so clear that there is nothing to talk about, and people have begun on each other.",
      "There is not a thing in the sky over {city}. I suspect it of resting up.",
      "{city} has such a fine blue sky that the almanac makers have gone into hiding.",
      "A day like this in {city} ruins the umbrella trade and does nothing for the preacher.",
      "The sky in {city} has an innocent look, and I have raised boys; I know what it means.",
      "It is so fine in {city} that a man must invent his own reason for staying in.",
    ],
    franklin: [
      "A fair sky over {city} is lent without interest; use it before it is called in.",
      "Mend thy roof in {city} while the sky is blue, for the carpenter charges double for wet shingles.",
      "The blue sky of {city} costs the same to the idle as to the busy, and profits only the one.",
      "Under a fine sky in {city} every man is a good sailor and every coat a burden.",
      "The sun shines upon {city} without sending a bill; few shopkeepers can be taught it.",
    ],
  },
  clouds: {
    twain: [
      "The clouds over {city} have been threatening so long that they have lost their standing.",
      "The clouds in {city} hang about like relations: they bring nothing and do not say when they are going.",
      "A cloud stood over {city} all day, looking as if it had forgotten what it came in for.",
      "The clouds over {city} could not agree on a plan, and adjourned over my washing.",
      "I never trust the clouds in {city}. They whisper.",
      "{city} has clouds in every pattern the manufacturer makes, and no refunds.",
    ],
    franklin: [
      "Clouds over {city} are like promises; count only what comes down.",
      "The clouds of {city} labor not, yet they darken many that do.",
      "A cloud above {city} frightens the man with hay and flatters the man with none.",
      "Not every cloud over {city} means business, and the same may be said of the aldermen of the air.",
      "He that reads the clouds of {city} all day shall have a stiff neck and no forecast.",
    ],
  },
  storm: {
    twain: [
      "The thunder in {city} makes a great noise about it; the lightning does the work and goes home.",
      "A storm came to {city} and rearranged the fences by a system of its own.",
      "The storm in {city} took a hen-house to the next county, where it is said to be doing better.",
      "During the storm the weathercock in {city} went around so fast that it laid an egg.",
      "The thunder over {city} spoke for an hour and, like most speakers, was followed by a collection of water.",
      "There was a storm in {city} that blew the noon whistle back to half past eleven.",
    ],
    franklin: [
      "The storm at {city} tries every nail, and reports on the carpenter.",
      "Thunder over {city} is the boast; lightning is the deed, and wants but a tall fool.",
      "In a storm at {city} leave the kite in the closet; I have done that errand for all of us.",
      "A storm in {city} finds the loose shutter sooner than a month of good intentions.",
      "He that would bargain with a storm in {city} should first put down the iron rod.",
    ],
  },
};
