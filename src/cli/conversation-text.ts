/** Conversations for the terminal: calls as calls, results as what they say. */
import type { JsonValue } from "../core/json.ts";
import { isJsonObject } from "../core/json.ts";
import type { WireMessage } from "../core/chat.ts";
import type { ShownSample } from "./read-report.ts";
import { type Paint, wrap } from "./terminal.ts";

const value = (item: JsonValue): string =>
  isJsonObject(item) || Array.isArray(item) ? JSON.stringify(item) : String(item);

/** `get_weather(location: "Hannibal", date: "tomorrow")` */
export function callText(name: string, args: JsonValue): string {
  if (!isJsonObject(args)) return `${name}(${JSON.stringify(args)})`;
  const parts = Object.entries(args).map(([key, item]) => `${key}: ${JSON.stringify(item)}`);
  return `${name}(${parts.join(", ")})`;
}

/** `location Hannibal, Missouri, United States · date 2026-11-21 · high 62` */
export function resultText(result: JsonValue): string {
  if (!isJsonObject(result)) return value(result);
  return Object.entries(result)
    .map(([key, item]) => `${key.replaceAll("_", " ")} ${value(item)}`)
    .join(" · ");
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

/** What was said after the question, one paragraph an entry. */
function replies(
  messages: readonly WireMessage[],
  paint: Paint,
): { text: string; style?: "dim" }[] {
  const from = messages.findLastIndex((message) => message.role === "user") + 1;
  return messages.slice(from).flatMap((message): { text: string; style?: "dim" }[] => {
    if (message.role === "tool")
      return [{ text: `← ${resultText(parse(message.content))}`, style: "dim" }];
    if (message.role !== "assistant") return [];
    const calls = (message.tool_calls ?? []).map((call) => ({
      text: paint("cyan", `→ ${callText(call.function.name, parse(call.function.arguments))}`),
    }));
    const text = message.content?.trim();
    return [...(text ? [{ text }] : []), ...calls];
  });
}

/** One item as every system answered it, under its question. */
export function itemText(
  title: string,
  samples: readonly ShownSample[],
  width: number,
  paint: Paint,
): string {
  const [first] = samples;
  if (!first) return "";
  const column = Math.max(...samples.map(({ system }) => system.length), 3) + 2;
  const block = (name: string, parts: { text: string; style?: "dim" }[]): string[] => {
    const lines = parts.flatMap(({ text, style }) =>
      wrap(text, width - column - 2).map((line) => (style ? paint(style, line) : line)),
    );
    return (lines.length > 0 ? lines : [paint("dim", "(says nothing)")]).map(
      (line, i) => `  ${i === 0 ? paint("bold", name.padEnd(column)) : " ".repeat(column)}${line}`,
    );
  };
  const question = first.messages.findLast((message) => message.role === "user")?.content ?? "";
  const lines = samples.flatMap((sample) => block(sample.system, replies(sample.messages, paint)));
  return [paint("underline", title), ...block("you", [{ text: question }]), ...lines].join("\n");
}
