/** The noun that a passage keeps coming back to, found without a tagger. */

const STOP = new Set(
  "the and that this with from have been were they them their there these those what when where which while would could should about after again before being between both came come down each even ever every first good great half hand hands have into just last least less like little long made make many more most much must name never next none nothing number once only other others part people place point rest right said same second seem seemed several side since some sort such sudden than then thing things third time times truth upon very want way ways well whole word words world year years day days one two three four five six seven eight nine ten hundred matter case fact kind end face head eyes top bottom middle moment minute hour present past future morning evening night man men woman women person old new young best worst own latter former different following certain end back front left sense handful instant force passage couple pair dozen glimpse midst presence direction purpose manner chance pound inch penny mile mind line opinion desire disposition sight conclusion quarter month week change difference look drop slice piece step form will worth average aggregate remark instance situation condition absence regard account here also because himself might wrought mouth feet foot neck breath lord simple tall live easy whom anybody whither gray grey blue lower suffer dark places names lines outside narrow superior original principal individual intimate rich poor dead chile object means details thought subject".split(
    " ",
  ),
);

/** People by what others called them: a request for a few lines about "a savage" asks for what no voice should give. */
const NOBODYS_SUBJECT = new Set(
  "negro negroes native natives savage savages slave slaves whites blacks barbarian barbarians heathen heathens gypsy gypsies gipsy cripple cripples leper lepers dwarf dwarfs idiot idiots lunatic lunatics".split(
    " ",
  ),
);

const DETERMINER = "the|a|an|his|her|their|my|our|your|this|that|these|those|some|every|no";

/** A determiner before and a small word or a stop after: the word between is nearly always a noun. */
const NOUN = new RegExp(
  String.raw`\b(${DETERMINER}) ([a-z]{4,14})(?=[.,;:!?)]|\s+(?:of|and|is|was|are|were|has|had|have|will|would|could|that|which|who|in|on|at|to|by|for|from|with|but|or|as|when|where|it|he|she|they|we|I|you)\b)`,
  "g",
);

/**
 * What a passage is about, as an object of "about": "the river", "a mule", "hats". Undefined where no noun comes twice,
 * since a word said once is seldom the subject, or a verb or an adjective that looks like one ("the oldest is").
 */
export function topicOf(text: string): string | undefined {
  const counts = new Map<string, { count: number; asNoun: number; determiner: string }>();
  for (const [, determiner = "the", word = ""] of text.matchAll(NOUN)) {
    if (STOP.has(word) || NOBODYS_SUBJECT.has(word) || /(?:ly|ing|ed|est)$/.test(word)) continue;
    if (!counts.has(word)) counts.set(word, { count: 0, asNoun: 0, determiner });
  }
  const often = (pattern: string): number => text.match(new RegExp(pattern, "gi"))?.length ?? 0;
  for (const [word, entry] of counts) {
    const plurals = often(`\\b${word}e?s\\b`);
    entry.count = plurals + often(`\\b${word}\\b`);
    entry.asNoun = plurals + often(`\\b(?:${DETERMINER}) ${word}\\b`);
  }
  const [best] = [...counts]
    .filter(([, { asNoun }]) => asNoun > 1)
    .toSorted(([, a], [, b]) => b.count - a.count);
  if (!best) return undefined;
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
