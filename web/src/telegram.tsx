/** A tool call as a telegram: what was asked of whom, what came back as a table, and the raw wire. */
import type { JsonObject, JsonValue } from "../../src/core/json.ts";
import type { RunCall } from "./api.ts";
import { SkyGlyph } from "./sky-glyph.tsx";
import { cellText, fieldLabel, isRow, shownFields, unitOf } from "./wire-words.ts";

const OFFICES: Record<string, string> = {
  get_current_weather: "Present conditions",
  get_forecast: "Forecast",
  get_weather: "Weather of one day",
};

export function Telegram({
  call,
  number,
  waiting,
}: {
  call: RunCall;
  number: number;
  waiting: boolean;
}) {
  const asked = isRow(call.arguments) ? Object.entries(call.arguments) : [];
  const state = !call.result
    ? waiting
      ? "pending"
      : "lost"
    : "error" in call.result
      ? "refused"
      : "received";
  return (
    <section class={`telegram ${state}`} aria-label={`Weather telegram: ${call.name}`}>
      <header>
        <span class="company">Weather Telegraph</span>
        <span class="number">No. {number}</span>
      </header>
      <p class="sent">
        <b>{OFFICES[call.name] ?? "Inquiry"}</b> <code>{call.name}</code>
        {asked.map(([key, value]) => (
          <span class="argument" key={key}>
            <span class="argument-name">{fieldLabel(key)}:</span> {plain(value)}
          </span>
        ))}
        {asked.length === 0 && <span class="argument">{plain(call.arguments)}</span>}
      </p>
      {state === "pending" && (
        <p class="on-the-wire">
          On the wire{" "}
          <span class="morse" aria-hidden="true">
            <i />
            <i />
            <i class="dash" />
            <i />
          </span>
        </p>
      )}
      {state === "lost" && <p class="on-the-wire">No reply was waited for.</p>}
      {call.result && <Reply result={call.result} />}
      {call.result && (
        <details>
          <summary>As it came over the wire</summary>
          <pre tabIndex={0}>
            {JSON.stringify(
              { name: call.name, arguments: call.arguments, result: call.result },
              null,
              2,
            )}
          </pre>
        </details>
      )}
    </section>
  );
}

const plain = (value: JsonValue): string =>
  typeof value === "string" ? value : JSON.stringify(value);

function Cell({ field, value, row }: { field: string; value: JsonValue; row: JsonObject }) {
  if (field !== "conditions") return <>{cellText(field, value, row)}</>;
  return (
    <span class="with-sky">
      <SkyGlyph conditions={plain(value)} />
      {plain(value)}
    </span>
  );
}

function Reply({ result }: { result: JsonObject }) {
  if (typeof result.error === "string") {
    return (
      <p class="refusal">
        <b>{fieldLabel(result.error)}.</b>{" "}
        {typeof result.message === "string" ? result.message : ""}
      </p>
    );
  }
  const units = typeof result.units === "string" ? result.units : undefined;
  const table = Object.entries(result).find(
    ([, value]) => Array.isArray(value) && value.length > 0 && value.every(isRow),
  );
  const fields = shownFields(result).filter(([key]) => key !== table?.[0]);
  return (
    <>
      {typeof result.location === "string" && <p class="place">{result.location}</p>}
      {fields.length > 0 && (
        <dl>
          {fields.map(([key, value]) => (
            <div key={key}>
              <dt>{fieldLabel(key)}</dt>
              <dd>
                <Cell field={key} value={value} row={result} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {table && <Days rows={(table[1] as JsonValue[]).filter(isRow)} units={units} />}
    </>
  );
}

function Days({ rows, units }: { rows: JsonObject[]; units: string | undefined }) {
  const columns = [...new Set(rows.flatMap((row) => shownFields(row).map(([key]) => key)))];
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Forecast by day">
      <table>
        <thead>
          <tr>
            {columns.map((key) => (
              <th key={key} scope="col">
                {fieldLabel(key)}
                {unitOf(key, { ...(units && { units }) })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {columns.map((key) => (
                <td
                  key={key}
                  class={typeof row[key] === "number" || key === "date" ? "figure" : undefined}
                >
                  <Cell field={key} value={row[key] ?? null} row={row} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
