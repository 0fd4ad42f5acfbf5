/**
 * What the model must not learn to say: slurs anywhere, those of the nineteenth century included; in headlines and jokes
 * also obscenity, and jokes on sex or on those who suffer. Texts are dropped whole; old authors are not rewritten.
 */
import { RegExpMatcher, englishDataset, englishRecommendedTransformers } from "obscenity";
import { type Step, drop, eachDocument, keep } from "../pipeline.ts";

/** Whole words only: "Niger" and "snigger" must pass. */
const SLURS = [
  "n[i1]gg(?:er|ah?|uh)s?",
  "injuns?",
  "redskins?",
  "squaws?",
  String.raw`dark(?:y|ey|ies|eys)`,
  "pickanninn(?:y|ies)",
  "pickaninn(?:y|ies)",
  "picaninn(?:y|ies)",
  "chinam[ae]n",
  "coolies?",
  "kikes?",
  "spics?",
  "wops?",
  "dagos?",
  "gooks?",
  "sambos?",
  "half-?breeds?",
  "mulatto(?:es)?",
  "octoroons?",
  "quadroons?",
  "wetbacks?",
  "towelheads?",
  "ragheads?",
  "faggots?",
  "fags?",
  "trann(?:y|ies)",
  "kaffirs?",
  "hebes?",
  "beaners?",
];
/** Slurs only with a capital: in lower case they are common words. */
const CAPITALISED = /\b(?:Chinks?|Japs|Coons|Bucks and squaws)\b/;

/** What makes a joke one on sex. */
const SEXUAL = [
  String.raw`sexual\p{L}*`,
  "horn(?:y|ier|iest)",
  "kinky",
  "erections?",
  "genitals?",
  "testicles?",
  "foreskins?",
  "condoms?",
  "g-spot",
  "threesomes?",
  "prostitut(?:es?|ion)",
  "hookers?",
  "strippers?",
  "jerk(?:s|ed|ing)? off",
  "blow(?:s|ing)? (?:him|her|them)(?! (?:up|away|off|over|out))",
  String.raw`molest\p{L}*`,
  String.raw`pa?edo(?:phil\p{L}*|s)?`,
  "child brides?",
];
/** What makes a joke one on the dead, the ill, the weak, or on what somebody is. */
const CRUEL = [
  "suicid(?:es?|al)",
  "kill(?:s|ed|ing)? (?:himself|herself|themselves|yourself|myself)",
  String.raw`kill(?:s|ed|ing)? (?:\S+ ){0,2}(?:bab(?:y|ies)|child(?:ren)?|kids?)`,
  "(?:mass|school|church|synagogue|nightclub) shootings?",
  "shooters?",
  "gunm[ae]n",
  "massacre[sd]?",
  "holocaust",
  "genocides?",
  "lynch(?:ed|ings?)",
  "abortion(?:s|plex)?",
  "fo?etus(?:es)?",
  "corpses?",
  "(?:dead|dying|drowned|murdered|starving) (?:bab(?:y|ies)|child(?:ren)?|kids?|toddlers?|teens?|boys?|girls?|bod(?:y|ies))",
  "passed away",
  "behead(?:ed|ing|ings)",
  "decapitat(?:ed|es|ing|ion)",
  "dismember(?:ed|s|ing|ment)?",
  "overdos(?:e[sd]?|ing)",
  String.raw`(?:child|domestic|spousal|animal|clergy) abus\p{L}*`,
  "(?:terminally ill|terminal cancer|leukemia)",
  "(?:paralyzed|paralysed|quadriplegics?|paraplegics?|amputees?)",
  "(?:midgets?|crippled?|autis(?:m|tic)|special needs|down syndrome)",
  "(?:obese|anorexi[ac]|bulimi[ac])",
  "(?:fat|overweight)(?:-earthers?|-shaming| (?:people|person|tourists?|teens?|man|woman|guy|girl|boy|kids?|child(?:ren)?|americans))",
  "(?:so|too|totally|totally not|it's|that's|makes? \\p{L}+(?: \\p{L}+)?|turn(?:s|ed|ing)? \\p{L}+) gay",
];

const wholeWords = (words: readonly string[]): RegExp =>
  new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${words.join("|")})(?![\p{L}\p{N}])`, "iu");

/** Words in which these letters are no accident, wherever they stand: `bullshit`, `pornographic`. */
const STEMS = /fuck|shit|porn|penis|vagin|masturb|incest|ejaculat|orgasm|blowjob/i;
/** What may follow a whole word of the lexicon; a compound of two, such as `asshole`, is one as well. */
const ENDINGS =
  /^(?:e?s|e?d|e?rs?|ing|ly|y|ies|t?y|ions?|ists?|(?:holes?|heads?|hats?|butts?|bags?|wipes?|wads?))?$/i;

/** Matches of the lexicon that are words: it also sees `Assystem`, `Tanushree`, `cockpit` and `trafficking`. */
function isObscene(text: string, lexicon: RegExpMatcher): boolean {
  return lexicon.getAllMatches(text).some(({ startIndex, endIndex }) => {
    const before = /[\p{L}\p{N}]*$/u.exec(text.slice(0, startIndex))![0];
    const found = text.slice(startIndex, endIndex + 1);
    const after = /^[\p{L}\p{N}]*/u.exec(text.slice(endIndex + 1))![0];
    return STEMS.test(before + found + after) || (before === "" && ENDINGS.test(after));
  });
}

export function safetyStep(): Step {
  const slurs = wholeWords(SLURS);
  const sexual = wholeWords(SEXUAL);
  const cruel = wholeWords(CRUEL);
  const obscene = new RegExpMatcher({
    ...englishDataset.build(),
    ...englishRecommendedTransformers,
  });
  return eachDocument("safety", (document) => {
    if (slurs.test(document.text) || CAPITALISED.test(document.text)) return drop(document, "slur");
    // Old prose has "bosom", "cock" and "ass" in their old senses; there the lexicon is wrong more often than right.
    if (document.kind !== "headline" && document.kind !== "joke") return keep(document);
    if (isObscene(document.text, obscene)) return drop(document, "obscene");
    if (sexual.test(document.text)) return drop(document, "sexual");
    return cruel.test(document.text) ? drop(document, "cruel") : keep(document);
  });
}
