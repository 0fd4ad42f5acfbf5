/**
 * Events to the terminal: in a terminal one line that is rewritten in place, elsewhere plain lines
 * at intervals. Knows no stage: what an event says is all there is to show.
 */
import type { RunEvent, StageName } from "../core/events.ts";
import type { Manifest } from "../core/stage.ts";
import {
  type Output,
  type Style,
  duration,
  fit,
  number,
  painter,
  short,
  widthOf,
  wrap,
} from "./terminal.ts";

export interface Renderer {
  show(event: RunEvent): void;
  /** The line that remains of a stage. */
  finish(manifest: Manifest, skipped: boolean): void;
  /** Takes the live line away; nothing is drawn afterwards. */
  close(): void;
}

export interface RendererOptions {
  /** Plain lines even in a terminal. */
  plain?: boolean;
  /** Milliseconds; a test's own clock. */
  now?: () => number;
}

/** Seconds between two plain lines of one stage, and milliseconds between two drawings of the live line. */
const PLAIN_EVERY = 15;
/** Milliseconds: what took less is not worth a plain line of its own. */
const WORTH_A_LINE = 2000;
const DRAW_EVERY = 80;
const SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** How far a stage is: one row of the live line. */
interface Live {
  stage: StageName;
  label: string;
  done: number;
  total: number | undefined;
  /** Loss and speed, while something is trained. */
  details: string[];
  /** When this label began, and at which count: a resumed run starts in the middle. */
  since: number;
  from: number;
}

const stageColumn = (stage: StageName): string => `${stage.padEnd(8)} `;
/** Mark, blank and stage. */
const MARGIN = 11;

/** A bar and two blanks; nothing where the terminal is too narrow or the end is not known. */
function bar({ done, total }: { done: number; total: number | undefined }, width: number): string {
  if (!total || width < 70) return "";
  const size = width < 100 ? 10 : 20;
  const full = Math.round(Math.min(1, done / total) * size);
  return `${"━".repeat(full)}${"╌".repeat(size - full)}  `;
}

/** `bestStep` → "best step"; sizes and counts alike. */
const words = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** "too-long 12, empty 3 and 2 other reasons", the largest first. */
export function dropReasons(dropped: Readonly<Record<string, number>>, most = 3): string {
  const reasons = Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a);
  const shown = reasons
    .slice(0, most)
    .map(([reason, count]) => `${reason} ${number(count)}`)
    .join(", ");
  const more = reasons.length - most;
  return more > 0 ? `${shown} and ${more} other reason${more > 1 ? "s" : ""}` : shown;
}

/** What a finished stage left behind, in one line without the name of the stage. */
export function summaryOf(manifest: Manifest): string {
  const counts = Object.entries(manifest.counts)
    // Counts of single sources (`0-gutenberg`) are in the manifest; here they would only be noise.
    .filter(([key]) => !/^\d/.test(key))
    .map(([key, count]) => `${words(key)} ${number(count)}`);
  const total = Object.values(manifest.dropped).reduce((sum, count) => sum + count, 0);
  return [
    counts.join(", "),
    total > 0 ? `dropped ${number(total)} (${dropReasons(manifest.dropped)})` : "",
    duration(manifest.seconds),
  ]
    .filter((part) => part !== "")
    .join(" · ");
}

export function createRenderer(
  output: Output,
  { plain = false, now = () => performance.now() }: RendererOptions = {},
): Renderer {
  const inPlace = Boolean(output.isTTY) && !plain && process.env["TERM"] !== "dumb";
  const paint = painter(output);
  let live: Live | undefined;
  let drawn = false;
  let lastDrawn = Number.NEGATIVE_INFINITY;
  let lastPlain = Number.NEGATIVE_INFINITY;
  let frame = 0;

  const erase = (): void => {
    if (drawn) output.write("\r\u001B[2K");
    drawn = false;
  };
  const line = (text: string): void => {
    erase();
    output.write(`${text}\n`);
  };
  /** A line that stays: head and text, in a terminal with a hanging indent. */
  const said = (stage: StageName, text: string, mark = " ", style?: Style): void => {
    const lines = inPlace ? wrap(text, widthOf(output) - MARGIN) : [text];
    const shown = lines
      .map((part) => (style ? paint(style, part) : part))
      .join(`\n${" ".repeat(MARGIN)}`);
    line(`${mark} ${stageColumn(stage)}${shown}`);
  };

  const remaining = (at: Live): string => {
    const seconds = (now() - at.since) / 1000;
    const steps = at.done - at.from;
    // The first steps compile graphs: an estimate from them would frighten.
    if (at.total === undefined || steps < 3 || seconds < 2) return "";
    const left = (seconds / steps) * (at.total - at.done);
    return left < 5 ? "" : `${duration(Math.ceil(left))} left`;
  };
  const parts = (at: Live): string[] => {
    const count =
      at.total === undefined
        ? at.done > 0
          ? number(at.done)
          : ""
        : `${number(at.done)}/${number(at.total)}`;
    return [[at.label, count].filter(Boolean).join(" "), remaining(at), ...at.details].filter(
      (part) => part !== "",
    );
  };

  const draw = (force = false): void => {
    if (!inPlace || !live || (!force && now() - lastDrawn < DRAW_EVERY)) return;
    lastDrawn = now();
    const width = widthOf(output) - 1;
    const head = `${SPINNER[frame++ % SPINNER.length]} ${stageColumn(live.stage)}`;
    const barText = bar(live, width);
    const facts = parts(live);
    // What does not fit goes from the end: the count matters most.
    while (facts.length > 1 && head.length + barText.length + facts.join("  ").length > width)
      facts.pop();
    const rest = fit(facts.join("  "), width - head.length - barText.length);
    erase();
    output.write(paint("cyan", head) + paint("green", barText) + rest);
    drawn = true;
  };
  // Keeps the spinner alive while a stage computes without saying anything.
  const ticker = inPlace ? setInterval(() => draw(true), 250) : undefined;
  ticker?.unref();

  const progress = (
    stage: StageName,
    label: string,
    done: number,
    total: number | undefined,
    details: string[] = [],
  ): void => {
    if (!live || live.stage !== stage || live.label !== label)
      live = { stage, label, done, total, details, since: now(), from: done };
    else Object.assign(live, { done, total, details });
    if (inPlace) draw();
    else if (
      now() - lastPlain >= PLAIN_EVERY * 1000 ||
      (done === total && now() - live.since >= WORTH_A_LINE)
    ) {
      lastPlain = now();
      said(stage, parts(live).join(" · "));
    }
  };

  return {
    show(event) {
      switch (event.type) {
        case "stage-start":
          live = {
            stage: event.stage,
            label: "",
            done: 0,
            total: undefined,
            details: [],
            since: now(),
            from: 0,
          };
          lastPlain = now();
          if (inPlace) draw(true);
          else line(`▸ ${event.stage}`);
          break;
        case "progress":
          progress(event.stage, event.label, event.done, event.total);
          break;
        case "train-step":
          progress(event.stage, "step", event.step, event.steps, [
            `loss ${event.loss.toFixed(3)}`,
            ...(live?.details.filter((detail) => detail.startsWith("valid")) ?? []),
            `${short(event.tokensPerSecond)} tok/s`,
          ]);
          break;
        case "valid": {
          const text = `valid ${event.loss.toFixed(3)}`;
          if (live)
            live.details = [...live.details.filter((detail) => !detail.startsWith("valid")), text];
          if (inPlace) draw();
          else
            said(
              event.stage,
              `step ${event.step}: validation loss ${event.loss.toFixed(3)}${event.best ? ", the best so far" : ""}`,
            );
          break;
        }
        case "notice":
          said(event.stage, event.message);
          draw();
          break;
        case "tally":
          if (inPlace) progress(event.stage, event.step, event.kept, undefined);
          else if (Object.keys(event.dropped).length > 0) {
            said(
              event.stage,
              `${event.step}: kept ${number(event.kept)}, dropped ${dropReasons(event.dropped)}`,
            );
          }
          break;
        case "score":
        case "stage-skip":
        case "stage-end":
          // The table of scores comes at the end; `finish` has the counts.
          break;
      }
    },
    finish(manifest, skipped) {
      live = undefined;
      if (skipped) said(manifest.stage, "up to date", paint("dim", "–"), "dim");
      else said(manifest.stage, summaryOf(manifest), paint("green", "✓"));
    },
    close() {
      clearInterval(ticker);
      erase();
      live = undefined;
    },
  };
}
