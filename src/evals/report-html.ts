/** The report as one self-contained page: gates, scores with intervals, outcomes, sample conversations. */
import type { WireMessage } from "../core/chat.ts";
import { type Html, html } from "./html.ts";
import type { EvalReport, Gate, Score } from "./report.ts";
import {
  type OutcomeBreakdown,
  type ReportRow,
  differenceText,
  figure,
  otherScores,
  outcomeBreakdowns,
  reportRows,
  rowLabel,
  scoreText,
} from "./report-rows.ts";
import { styleSheet } from "./report-style.ts";
import { verdict } from "./summarise.ts";
import type { Sample } from "./task.ts";

const shownSamples = 20;

/** The bar of a score on 0 to 1, with its interval as a whisker. */
function bar(score: Score, column: number): Html {
  const x = (value: number): string => (100 * Math.min(1, Math.max(0, value))).toFixed(2);
  return html`<svg
    class="bar"
    viewBox="0 0 100 10"
    preserveAspectRatio="none"
    role="img"
    aria-label="${figure(score.value, true)}"
  >
    <rect class="track" width="100" height="10" />
    <rect class="s${column}" width="${x(score.value)}" height="10" />
    <line class="whisker" x1="${x(score.low)}" x2="${x(score.high)}" y1="5" y2="5" />
  </svg>`;
}

function scoreCell(row: ReportRow, column: number): Html {
  const score = row.scores[column];
  if (!score) return html`<td>–</td>`;
  const interval = scoreText(score, row.share).slice(figure(score.value, row.share).length);
  return html`<td>
    <span class="value">${figure(score.value, row.share)}</span
    ><small>${interval}</small>${row.share ? bar(score, column) : []}
  </td>`;
}

/** `below`: the metric's row over all slices comes before. */
function scoreRow(row: ReportRow, below: boolean, systems: readonly string[]): Html {
  const judged = row.comparison && verdict(row.comparison);
  return html`<tr class="${below ? "slice" : "whole"}">
    <th scope="row">${below ? `· ${row.slice}` : rowLabel(row)}</th>
    ${systems.map((_, column) => scoreCell(row, column))}
    <td class="${judged ?? "even"}">${differenceText(row.comparison, row.share)}</td>
    <td class="n">${row.n}</td>
  </tr>`;
}

function taskTable(task: string, rows: readonly ReportRow[], systems: readonly string[]): Html {
  return html`<h3>${task}</h3>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th></th>
            ${systems.map((system, column) => html`<th><i class="dot s${column}"></i>${system}</th>`)}
            <th>difference, paired</th>
            <th class="n">n</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => scoreRow(row, row.slice !== undefined && rows.some((other) => other.metric === row.metric && !other.slice), systems))}
        </tbody>
      </table>
    </div>`;
}

function breakdown({ task, system, n, outcomes }: OutcomeBreakdown): Html {
  let at = 0;
  const bars = outcomes.map(({ name, value }, i) => {
    const from = at;
    at += 100 * value;
    return html`<rect
      class="o${i}"
      x="${from.toFixed(2)}"
      width="${(100 * value).toFixed(2)}"
      height="10"
      ><title>${name}: ${figure(value, true)}</title></rect
    >`;
  });
  const legend = outcomes.map(({ name, value }, i) =>
    value > 0 ? html`<li><i class="dot o${i}"></i>${name} ${figure(value, true)}</li>` : html``,
  );
  return html`<h4>${task}: ${system} <small>n = ${n}</small></h4>
    <svg
      class="stack"
      viewBox="0 0 100 10"
      preserveAspectRatio="none"
      role="img"
      aria-label="outcomes of ${system}"
    >
      ${bars}
    </svg>
    <ul class="legend">
      ${legend}
    </ul>`;
}

function gateItem(gate: Gate): Html {
  return html`<li class="${gate.pass ? "pass" : "fail"}">
    <b>${gate.pass ? "pass" : "fail"}</b> ${gate.name}<small
      >${gate.got}, wanted ${gate.want}</small
    >
  </li>`;
}

function bubble(message: WireMessage): Html {
  const calls = message.role === "assistant" ? (message.tool_calls ?? []) : [];
  const text = message.content?.trim() ?? "";
  const said = text === "" ? [] : html`<p>${text}</p>`;
  const silent = text === "" && calls.length === 0 ? html`<p class="nothing">nothing</p>` : [];
  const made = calls.map(
    (call) => html`<code>${call.function.name}(${call.function.arguments})</code>`,
  );
  return html`<div class="message ${message.role}">
    <small>${message.role}</small>${said}${silent}${made}
  </div>`;
}

/** How many messages all the conversations begin with. */
function sharedLength(samples: readonly Sample[]): number {
  const [first, ...others] = samples;
  const at = first!.messages.findIndex((message, i) =>
    others.some((other) => JSON.stringify(other.messages[i]) !== JSON.stringify(message)),
  );
  const least = Math.min(...samples.map((sample) => sample.messages.length - 1));
  return at < 0 ? least : Math.min(at, least);
}

function conversation(samples: readonly Sample[], systems: readonly string[]): Html {
  const shared = sharedLength(samples);
  const { task, id, slice, messages } = samples[0]!;
  const columns = systems.map((system, column) => {
    const sample = samples.find((entry) => entry.system === system);
    if (!sample) return html`<div></div>`;
    return html`<div>
      <h5>
        <i class="dot s${column}"></i>${system} <span class="outcome">${sample.outcome}</span>
      </h5>
      ${sample.messages.slice(shared).map(bubble)}${sample.note ? html`<p class="note">${sample.note}</p>` : []}
    </div>`;
  });
  return html`<article>
    <h4>${task}${slice ? ` · ${slice}` : ""} <small>${id}</small></h4>
    ${messages.slice(0, shared).map(bubble)}
    <div class="columns">${columns}</div>
  </article>`;
}

/** Evenly spaced items of every task, so that nobody has picked the good ones. */
function spread(samples: readonly Sample[]): Sample[][] {
  const tasks = [...new Set(samples.map((sample) => sample.task))];
  return tasks.flatMap((task) => {
    const own = samples.filter((sample) => sample.task === task);
    const ids = [...new Set(own.map((sample) => sample.id))];
    const count = Math.min(ids.length, Math.ceil(shownSamples / tasks.length));
    const chosen = Array.from(
      { length: count },
      (_, i) => ids[Math.floor((i * ids.length) / count)],
    );
    return chosen.map((id) => own.filter((sample) => sample.id === id));
  });
}

/** A page that needs nothing but itself; all text of models and data is escaped. */
export function htmlReport(title: string, report: EvalReport, samples: readonly Sample[]): string {
  const rows = reportRows(report);
  const tasks = [...new Set(rows.map((row) => row.task))];
  const passed = report.gates.filter((gate) => gate.pass).length;
  const breakdowns = outcomeBreakdowns(report);
  const shown = spread(samples);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <title>Evaluation of ${title}</title>
        ${styleSheet}
      </head>
      <body>
        <main>
          <header>
            <h1>Evaluation of ${title}</h1>
            <p>
              Intervals are 95 %. Differences are paired over the same items; better and worse are
              said only where the interval excludes zero.
            </p>
          </header>
          <section>
            <h2>Gates <small>${passed} of ${report.gates.length} pass</small></h2>
            <ul class="gates">
              ${report.gates.map(gateItem)}
            </ul>
          </section>
          <section>
            <h2>Scores</h2>
            ${tasks.map((task) =>
              taskTable(
                task,
                rows.filter((row) => row.task === task),
                report.systems,
              ),
            )}
            ${otherScores(report).map((score) => html`<p><b>${score.system} ${score.metric}</b> ${scoreText(score, false)}, n = ${score.n}</p>`)}
          </section>
          ${
            breakdowns.length > 0
              ? html`<section>
                  <h2>Outcomes</h2>
                  ${breakdowns.map(breakdown)}
                </section>`
              : []
          }
          ${
            shown.length > 0
              ? html`<section>
                  <h2>
                    Conversations <small>evenly spaced through the samples, not chosen</small>
                  </h2>
                  ${shown.map((group) => conversation(group, report.systems))}
                </section>`
              : []
          }
        </main>
      </body>
    </html> `;
  return page.markup;
}
