/**
 * What the model must not learn to say: obscenity in titles, and slurs anywhere, those of the nineteenth
 * century included. Texts are dropped whole; old authors are not rewritten.
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

export function safetyStep(): Step {
  const slurs = new RegExp(
    String.raw`(?<![\p{L}\p{N}])(?:${SLURS.join("|")})(?![\p{L}\p{N}])`,
    "iu",
  );
  const obscene = new RegExpMatcher({
    ...englishDataset.build(),
    ...englishRecommendedTransformers,
  });
  return eachDocument("safety", (document) => {
    if (slurs.test(document.text) || CAPITALISED.test(document.text)) return drop(document, "slur");
    // Old prose has "bosom", "cock" and "ass" in their old senses; there the lexicon is wrong more often than right.
    const lexicon = document.kind === "headline" || document.kind === "joke";
    return lexicon && obscene.hasMatch(document.text) ? drop(document, "obscene") : keep(document);
  });
}
