/** The noun that a passage keeps coming back to, found without a tagger. */

const STOP = new Set(
  "the and that this with from have been were they them their there these those what when where which while would could should about after again before being between both came come down each even ever every first good great half hand hands have into just last least less like little long made make many more most much must name never next none nothing number once only other others part people place point rest right said same second seem seemed several side since some sort such sudden than then thing things third time times truth upon very want way ways well whole word words world year years day days one two three four five six seven eight nine ten hundred matter case fact kind end face head eyes top bottom middle moment minute hour present past future morning evening night man men woman women person old new young best worst own latter former different following certain end back front left".split(
    " ",
  ),
);

/** A determiner before and a small word or a stop after: the word between is nearly always a noun. */
const NOUN =
  /\b(the|a|an|his|her|their|my|our|your|this|that|these|those|some|every|no) ([a-z]{4,14})(?=[.,;:!?)]|\s+(?:of|and|is|was|are|were|has|had|have|will|would|could|that|which|who|in|on|at|to|by|for|from|with|but|or|as|when|where|it|he|she|they|we|I|you)\b)/g;

/**
 * What a passage is about, as an object of "about": "the river", "a mule", "hats". Undefined where
 * no noun comes twice, since a word said once is seldom the subject.
 */
export function topicOf(text: string): string | undefined {
  const counts = new Map<string, { count: number; determiner: string }>();
  for (const [, determiner = "the", word = ""] of text.matchAll(NOUN)) {
    if (STOP.has(word) || word.endsWith("ly") || word.endsWith("ing")) continue;
    const known = counts.get(word);
    if (known) known.count++;
    else counts.set(word, { count: 1, determiner });
  }
  for (const [word, entry] of counts) {
    entry.count = text.match(new RegExp(`\\b${word}s?\\b`, "g"))?.length ?? entry.count;
  }
  const [best] = [...counts].toSorted(([, a], [, b]) => b.count - a.count);
  if (!best || best[1].count < 2) return undefined;
  const [word, { determiner }] = best;
  if (/[^s]s$/.test(word)) return word;
  return determiner === "a" || determiner === "an" ? `${determiner} ${word}` : `the ${word}`;
}

/** Weather conditions as the sources tag them → as a sentence says them. */
const SUBJECTS: Readonly<Record<string, string>> = {
  clear: "clear skies",
  season: "the seasons",
  storm: "storms",
  flood: "floods",
  forecast: "the forecast",
  general: "the weather",
  cold: "the cold",
  heat: "the heat",
  wind: "the wind",
  "new england": "New England",
  mississippi: "the Mississippi",
};

/** A source's tag as the object of "about". */
export const spokenTopic = (tag: string): string => SUBJECTS[tag] ?? tag;

/** Capitalised news words after the first, which are names or nouns alike: a headline's subject. */
export function headlineTopic(text: string): string | undefined {
  const words = text.split(/\s+/).map((word) => word.replace(/[^\p{L}'-]/gu, ""));
  const nouns = words.filter((word) => HEADLINE_NOUNS.has(word.toLowerCase()));
  return nouns[0]?.toLowerCase();
}

/** Common subjects of the news: naming one of these is surely right, guessing among all words is not. */
const HEADLINE_NOUNS = new Set(
  "army baby bank bear beer birthday boss boyfriend breakfast budget bus candidate car cat child children christmas church city coffee college company computer congress cop cops couple court dad dentist dinner doctor doctors dog driver economy election employee employees facebook family farmer fans father football funeral game girlfriend god google government governor grandmother guitar halloween health history hospital house husband internet job judge kids lawyer library lunch mayor meeting mom money moon mother movie museum nasa neighbor neighbors netflix nurse office parents party pastor phone pizza planet plumber police pope president principal prison rain restaurant roommate school scientists senate senator snow soldier spring storm student students summer taxes teacher teachers team teen thanksgiving town traffic train twitter university vacation war weather wedding wife winter zoo".split(
    " ",
  ),
);
