/** Tools that stand beside the weather tools, or in their place, and that no question of ours is for. */
import type { ToolDefinition } from "../../core/chat.ts";
import type { JsonObject } from "../../core/json.ts";

const define = (
  name: string,
  description: string,
  properties: Record<string, string>,
): ToolDefinition => ({
  name,
  description,
  parameters: {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, type]): [string, JsonObject] => [key, { type }]),
    ),
    required: Object.keys(properties),
    additionalProperties: false,
  },
});

export const DISTRACTORS: readonly ToolDefinition[] = [
  define("get_local_time", "The time of day in a city", { city: "string" }),
  define("get_population", "How many people live in a city", { city: "string" }),
  define("find_trains", "Trains between two cities on a date", {
    from: "string",
    to: "string",
    date: "string",
  }),
  define("find_hotels", "Hotels in a city on a date", { city: "string", date: "string" }),
  define("book_table", "Reserve a table at a restaurant", { restaurant: "string", time: "string" }),
  define("convert_currency", "Change an amount of money into another currency", {
    amount: "number",
    from: "string",
    to: "string",
  }),
  define("translate_text", "Translate a text", { text: "string", language: "string" }),
  define("search_news", "Newspaper articles about a subject", { subject: "string" }),
  define("search_library", "Books by title, author or subject", { query: "string" }),
  define("send_message", "Send a message to a person", { to: "string", text: "string" }),
  define("set_alarm", "Ring at a time of day", { time: "string" }),
  define("add_to_calendar", "Put an event into the calendar", { title: "string", date: "string" }),
  define("get_route", "The way from one address to another", { from: "string", to: "string" }),
  define("get_stock_price", "Price of a share", { symbol: "string" }),
  define("get_recipe", "How to cook a dish", { dish: "string" }),
  define("get_river_stage", "Height of the water at a gauge on a river", { gauge: "string" }),
  define("get_air_quality", "Dust and ozone in the air of a city", { city: "string" }),
  define("get_moon_phase", "Phase of the moon on a date", { date: "string" }),
];

export const isDistractor = (name: string): boolean =>
  DISTRACTORS.some((tool) => tool.name === name);
