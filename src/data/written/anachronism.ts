/** Words that a voice of the past cannot have known. */
import type { Persona } from "../../core/conversation.ts";

/** None of it was there when Twain died, in 1910, or it was called otherwise. */
const AFTER_TWAIN =
  "internet|online|offline|web ?sites?|smart ?phones?|cell ?phones?|mobile phones?|laptops?|computers?|software|apps?|e-?mails?|text messages?|texted|tweets?|tweeted|hashtags?|selfies?|social media|google|googled|facebook|twitter|instagram|netflix|youtube|tv|televisions?|radios?|radar|sonar|satellites?|doppler|astronauts?|spacecraft|nuclear|atom bombs?|lasers?|robots?|microwaves?|air[- ]condition(?:ing|ers?|ed)|dishwashers?|supermarkets?|shopping malls?|airports?|airplanes?|airliners?|jets?|helicopters?|parachutists?|freeways?|motorways?|seat ?belts?|traffic lights?|parking lots?|credit cards?|plastic|nylon|vinyl|blue jeans|t-shirts?|sneakers|pizza|barbecue sauce|hamburgers?|global warming|climate change|carbon footprint|world war|hollywood|movies?|videos?|video games?|podcasts?|playlists?|gps|wi-?fi|upload(?:ed)?|download(?:ed)?|algorithms?|binge-watch(?:ing)?|wind ?chill factor|heat index|uv index|jet stream|el ni[nñ]o";
/** Nor had Franklin seen these, who died in 1790. */
const AFTER_FRANKLIN =
  "railroads?|railways?|locomotives?|steam ?ships?|steam ?boats?|telegraphs?|telegrams?|telephones?|photographs?|photographers?|bicycles?|baseball|base-ball|typewriters?|light ?bulbs?|electric lights?|automobiles?|motor ?cars?|cinemas?|phonographs?|dynamite|matchstick|petroleum|skyscrapers?|zeppelins?|okay|ok";

const patternOf = (words: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\d])(?:${words})(?![\\p{L}\\d])`, "giu");

const FORBIDDEN: Record<Persona, RegExp | undefined> = {
  twain: patternOf(AFTER_TWAIN),
  franklin: patternOf(`${AFTER_TWAIN}|${AFTER_FRANKLIN}`),
  neutral: undefined,
};

/** The first word that the voice cannot have known; what it was `given` it may repeat. */
export function anachronism(text: string, persona: Persona, given: string): string | undefined {
  const pattern = FORBIDDEN[persona];
  if (!pattern) return undefined;
  const known = given.toLowerCase();
  return [...text.matchAll(pattern)]
    .map(([word]) => word.toLowerCase())
    .find((word) => !known.includes(word));
}
