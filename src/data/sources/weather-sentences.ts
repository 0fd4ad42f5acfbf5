/** What weather services answer, and the sentences made of it. Nothing is said that the answer does not hold. */
import { z } from "zod";
import { sha256 } from "../../core/hash.ts";
import { describeCode } from "../../weather/conditions.ts";

export interface Place {
  name: string;
  latitude: number;
  longitude: number;
}

export interface Fact {
  id: string;
  title: string;
  text: string;
  /** ISO date that it speaks of. */
  date: string;
  /** The sentence is ours, made of numbers; otherwise a forecaster's. */
  composed: boolean;
}

export const Points = z.looseObject({
  properties: z.looseObject({ forecast: z.url({ protocol: /^https?$/ }) }),
});

const isoDateTime = z.string().regex(/^\d{4}-\d\d-\d\dT/);

export const Forecast = z.looseObject({
  properties: z.looseObject({
    generatedAt: isoDateTime.optional(),
    updateTime: isoDateTime.optional(),
    periods: z
      .array(
        z.looseObject({
          name: z.string(),
          startTime: isoDateTime,
          detailedForecast: z.string(),
        }),
      )
      .max(100),
  }),
});
type Forecast = z.infer<typeof Forecast>;

export const Alerts = z.looseObject({
  features: z.array(
    z.looseObject({
      properties: z.looseObject({
        id: z.string(),
        event: z.string(),
        areaDesc: z.string(),
        status: z.string(),
        messageType: z.string().nullish(),
        sent: isoDateTime,
        ends: isoDateTime.nullish(),
        expires: isoDateTime.nullish(),
        senderName: z.string().nullish(),
        description: z.string().nullish(),
      }),
    }),
  ),
});
type Alerts = z.infer<typeof Alerts>;

const values = z.array(z.number().nullable());
export const Daily = z.looseObject({
  daily: z
    .looseObject({
      time: z.array(z.iso.date()),
      weather_code: values,
      temperature_2m_max: values,
      temperature_2m_min: values,
      precipitation_sum: values,
      wind_speed_10m_max: values,
    })
    .refine(
      ({ time, ...rest }) => dailyVariables.every((name) => rest[name].length === time.length),
      "columns of different length",
    ),
});
type Daily = z.infer<typeof Daily>;

export const dailyVariables = [
  "weather_code",
  "temperature_2m_max",
  "temperature_2m_min",
  "precipitation_sum",
  "wind_speed_10m_max",
] as const;

const longDate = (iso: string): string =>
  new Intl.DateTimeFormat("en-US", { dateStyle: "long", timeZone: "UTC" }).format(
    new Date(`${iso.slice(0, 10)}T00:00:00Z`),
  );

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
const asSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** Facts, or why a period gives none. */
export function forecastFacts(
  { properties }: Forecast,
  place: Place,
  at: string,
): (Fact | string)[] {
  const issued = properties.updateTime ?? properties.generatedAt;
  return properties.periods.map((period) => {
    const said = oneLine(period.detailedForecast);
    if (said === "") return "no text";
    const date = period.startTime.slice(0, 10);
    const title = `${place.name}, ${period.name} (${longDate(date)})`;
    const source = `Forecast of the National Weather Service${issued ? `, issued ${longDate(issued)}` : ""}.`;
    return {
      id: `nws-forecast:${at}:${period.startTime}:${(issued ?? "").slice(0, 10)}`,
      title,
      text: `${title}: ${asSentence(said)} ${source}`,
      date,
      composed: true,
    };
  });
}

/** Long lists of counties say no more than their beginning. */
function someAreas(areas: string): string {
  const all = areas.split(";").map(oneLine);
  return all.length > 4
    ? `${all.slice(0, 3).join("; ")} and ${all.length - 3} more areas`
    : all.join("; ");
}

/** "* WHAT...North winds 20 to 30 mph.\n\n* WHERE..." → its first part; other descriptions → their first paragraph. */
function whatOf(description: string): string {
  const what = /\*\s*WHAT\.\.\.([\s\S]*?)(?=\n\s*\n|\n?\*\s*[A-Z ]+\.\.\.|$)/.exec(
    description,
  )?.[1];
  return oneLine(what ?? description.split(/\n\s*\n/)[0]!);
}

/** Facts, or why an alert gives none. */
export function alertFacts({ features }: Alerts): (Fact | string)[] {
  return features.map(({ properties: alert }) => {
    if (alert.status !== "Actual") return "a test or an exercise";
    if (alert.messageType === "Cancel") return "cancelled";
    const what = whatOf(alert.description ?? "");
    if (what === "") return "no text";
    const end = alert.ends ?? alert.expires;
    const title = `${oneLine(alert.event)} for ${someAreas(alert.areaDesc)}`;
    const sender = oneLine(alert.senderName ?? "") || "the National Weather Service";
    return {
      id: `nws-alert:${sha256(alert.id).slice(0, 16)}`,
      title,
      text: `${title}: ${asSentence(what)} Issued by ${sender} on ${longDate(alert.sent)}${end ? `, in effect until ${longDate(end)}` : ""}.`,
      date: alert.sent.slice(0, 10),
      composed: false,
    };
  });
}

const whole = (value: number): number => Math.round(value) + 0;

function rainOf(amount: number, unit: string): string {
  const rounded = Math.round(amount * 100) / 100;
  return rounded === 0 ? "no precipitation" : `${rounded} ${unit} of precipitation`;
}

/** Facts, or why a day gives none. `issued` is the date of a forecast; without it the days have been. */
export function dailyFacts(
  { daily }: Daily,
  place: Place,
  at: string,
  units: "fahrenheit" | "celsius",
  issued: string | undefined,
): (Fact | string)[] {
  const [degrees, inch, speed] =
    units === "fahrenheit" ? ["°F", "inches", "mph"] : ["°C", "mm", "km/h"];
  return daily.time.map((date, i) => {
    const [code, high, low, rain, wind] = dailyVariables.map((name) => daily[name][i] ?? null);
    if (code == null || high == null || low == null) return "no values";
    const parts = [
      `a high of ${whole(high)} ${degrees}`,
      `a low of ${whole(low)} ${degrees}`,
      ...(rain == null ? [] : [rainOf(rain, inch!)]),
      ...(wind == null ? [] : [`wind up to ${whole(wind)} ${speed}`]),
    ];
    const list = `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)!}`;
    const sky = describeCode(code);
    const title = `${place.name}, ${longDate(date)}`;
    return {
      id: `open-meteo:${at}:${date}${issued ? `:${issued}` : ""}`,
      title,
      text: issued
        ? `Open-Meteo's forecast of ${longDate(issued)} for ${place.name} on ${longDate(date)} is ${sky}, with ${list}.`
        : `According to Open-Meteo, ${place.name} had ${sky} on ${longDate(date)}, with ${list}.`,
      date,
      composed: true,
    };
  });
}
