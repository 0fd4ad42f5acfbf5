/** A sky in a few strokes. */

const CLOUD = "M6 17a3.500 3.500 0 0 1 .4-7 5 5 0 0 1 9.500-1 4 4 0 0 1 1.600 7.800z";
const SUN =
  "M12 7.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM12 2v2.500M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300 19 19M19 5l-1.700 1.700M6.700 17.300 5 19";

/** First match wins: "thunderstorms with light hail" is a storm. */
const SKIES: readonly [RegExp, string][] = [
  [/thunder|storm/i, `${CLOUD} M12 17l-2 3h3l-2 3`],
  [/snow|sleet|ice|flurr/i, `${CLOUD} M8 20v.1M12 21.500v.1M16 20v.1M10 22.500v.1`],
  [/rain|drizzle|shower/i, `${CLOUD} M9 19l-1 3M13 19l-1 3M17 19l-1 3`],
  [/fog|mist|haze/i, "M4 8h16M6 12h14M4 16h14M8 20h10"],
  [
    /mostly clear|mainly clear|partly|scattered|broken/i,
    `M8 7.500a3 3 0 1 1 4.500-2.500M5 2.500l.8 1M9 1v1.200M2.500 6.500l1.200.2 ${CLOUD}`,
  ],
  [/cloud|overcast/i, CLOUD],
  [/clear|sun|fair/i, SUN],
];

export function SkyGlyph({ conditions }: { conditions: string }) {
  const path = SKIES.find(([pattern]) => pattern.test(conditions))?.[1];
  if (!path) return null;
  return (
    <svg class="sky" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}
