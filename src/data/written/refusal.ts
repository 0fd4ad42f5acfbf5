/** Ways in which a model talks about itself or its task instead of doing it. */

const SELF =
  /\bas an? (?:ai|artificial intelligence|(?:large )?language model|virtual assistant|chatbot)\b|\bi(?:'m| am) (?:just |only |merely )?an? (?:ai|artificial intelligence|(?:large )?language model|virtual assistant|chatbot|computer program)\b|\bmy (?:training data|knowledge cut-?off|programming)\b|\b(?:chatgpt|openai|anthropic|gpt-\d)\b/i;
const REFUSAL =
  /\bi(?:'m| am) (?:sorry|afraid),? (?:but )?i (?:can(?:no|')t|am unable|won't)|\bi (?:can(?:not|'t)|am unable to|am not able to|won't|will not) (?:assist|help|fulfil|comply|provide|generate|create|write|do that|complete|access)\b|\bi apologi[sz]e, but\b|\b(?:real-time|up-to-date) (?:data|information|weather)\b|\bagainst my (?:guidelines|policy|policies)\b/i;
const TALK =
  /^(?:sure|certainly|absolutely)!|^(?:sure|certainly|of course|absolutely|okay|ok)[,.:!] ?(?:here|i'd|i would|i can|i'll|let)\b|^here(?:'s| is| are) (?:the|a|an|my|your|some|one)\b[^.!?\n]{0,60}:|\bhere(?:'s| is) (?:the|a|my|your) (?:retelling|rewrite|rewritten|paraphrase|translation|version|response|joke)\b|\b(?:i hope this helps|let me know if you|feel free to ask|is there anything else)\b/i;
/** Headings, bullets, bold, code, and slots that were left open. */
const MARKUP =
  /^\s*(?:#{1,6} |[-*•] |\d+\. )|\*\*|```|\[(?:insert|your|name|city|place)\b|<\/?[a-z]+>|\{\w+\}/im;

/** Why a text is no text but talk of one; undefined for a clean one. */
export function talkOf(text: string, { isQuestion = false } = {}): string | undefined {
  if (SELF.test(text)) return "speaks as a machine";
  // Who asks for up-to-date weather does not refuse to tell it.
  if (!isQuestion && REFUSAL.test(text)) return "refusal";
  if (!isQuestion && TALK.test(text)) return "talks about the task";
  if (MARKUP.test(text)) return "markup";
  return undefined;
}
