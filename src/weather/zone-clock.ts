/** What the calendar and the clock say at a place. */

export interface ZoneClock {
  /** `YYYY-MM-DD` at the place. Throws RangeError for a time zone that does not exist. */
  date(now: Date, timezone: string): string;
  /** 0 to 23. */
  hour(now: Date, timezone: string): number;
}

/** A clock that keeps its formatters: making one costs more than using it a hundred times. */
export function createZoneClock(): ZoneClock {
  const formats = new Map<string, Intl.DateTimeFormat>();
  const read = (now: Date, timezone: string): string => {
    let format = formats.get(timezone);
    if (!format) {
      // Swedish writes "2026-11-21 09".
      format = new Intl.DateTimeFormat("sv-SE", {
        timeZone: timezone,
        year: "numeric",
        month: "2-digit",
        day: "2-digit",
        hour: "2-digit",
        hourCycle: "h23",
      });
      formats.set(timezone, format);
    }
    return format.format(now);
  };
  return {
    date: (now, timezone) => read(now, timezone).slice(0, 10),
    hour: (now, timezone) => Number(read(now, timezone).slice(11, 13)),
  };
}
