/** What the licence of a record or row says about handing it on. */

/** Licences that allow it, by how they begin, and their name on the Hugging Face hub where they have one. */
const OPEN: readonly [RegExp, string | undefined][] = [
  [/^cc0(-1\.0)?\b/, "cc0-1.0"],
  [/^public domain\b/, undefined],
  [/^pddl(-1\.0)?\b/, "pddl"],
  [/^unlicense\b/, "unlicense"],
  // Any order and version of attribution, share alike and non-commercial; no derivatives is no rows.
  [/^cc[- ]by(?![- ]nd)([- ]nc)?(?![- ]nd)([- ]sa)?(?![- ]nd)[- ](2\.0|2\.5|3\.0|4\.0)\b/, "cc"],
  [/^odc-by(-1\.0)?\b/, "odc-by"],
  [/^odbl(-1\.0)?\b/, "odbl"],
  [/^apache[- ]2\.0\b/, "apache-2.0"],
  [/^mit\b/, "mit"],
  [/^bsd-3-clause\b/, "bsd-3-clause"],
  [/^bsd-2-clause\b/, "bsd-2-clause"],
];

/** A licence that is not known to allow it does not: silence is no permission. */
export const mayRedistribute = (licence: string): boolean =>
  !/not redistributed/i.test(licence) &&
  OPEN.some(([pattern]) => pattern.test(licence.trim().toLowerCase()));

/** The hub's identifier of a licence, which its `license:` field takes; undefined where it has none. */
export function hubLicence(licence: string): string | undefined {
  const text = licence.trim().toLowerCase();
  const [pattern, name] = OPEN.find(([each]) => each.test(text)) ?? [];
  return name === "cc" ? pattern!.exec(text)![0].replaceAll(" ", "-") : name;
}

/** How many rows may not be handed on. */
export const restrictedRows = (licences: Readonly<Record<string, number>>): number =>
  Object.entries(licences)
    .filter(([licence]) => !mayRedistribute(licence))
    .reduce((sum, [, count]) => sum + count, 0);
