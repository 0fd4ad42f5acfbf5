/** Personal data: addresses that reach a living person. A pattern proposes, a validator decides. */
import { BlockList } from "node:net";
import { type Step, drop, eachDocument, keep } from "../pipeline.ts";

const EMAIL = /[\w.+-]{1,64}@(?:[a-z\d-]+\.)+[a-z]{2,24}\b/i;
const ADDRESS = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])/g;
const PHONE = /(?<![\d-])(?:\+?1[ .-]?)?(?:\((\d{3})\) ?|(\d{3})[ .-])(\d{3})[ .-]\d{4}(?![\d-])/g;
const INTERNATIONAL = /(?<!\w)\+[1-9]\d{0,2}(?:[ .()-]{1,2}\d{2,4}){2,5}(?!\d)/g;

/** Area code and exchange of the North American plan begin with 2 to 9; 555-01xx is for fiction. */
function isPhone(match: RegExpExecArray): boolean {
  const area = match[1] ?? match[2]!;
  return /^[2-9]/.test(area) && /^[2-9]/.test(match[3]!) && !/555[ .-]01\d\d$/.test(match[0]);
}

const isInternational = (match: RegExpExecArray): boolean => {
  const digits = match[0].replaceAll(/\D/g, "").length;
  return digits >= 9 && digits <= 15;
};

export function piiStep(): Step {
  const reserved = new BlockList();
  for (const [net, bits] of [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
    ["192.0.2.0", 24],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 3],
  ] as const)
    reserved.addSubnet(net, bits);
  const isPublic = (match: RegExpExecArray): boolean =>
    match[0].split(".").every((part) => Number(part) <= 255 && String(Number(part)) === part) &&
    !reserved.check(match[0]);

  return eachDocument("pii", (document) => {
    const { text } = document;
    if (EMAIL.test(text)) return drop(document, "email");
    if (
      [...text.matchAll(PHONE)].some(isPhone) ||
      [...text.matchAll(INTERNATIONAL)].some(isInternational)
    )
      return drop(document, "phone");
    if ([...text.matchAll(ADDRESS)].some(isPublic)) return drop(document, "ip address");
    return keep(document);
  });
}
