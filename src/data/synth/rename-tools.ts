/**
 * Other names for tools and parameters, so that a model reads what is on offer instead of remembering it
 * (function masking, Lin et al. 2024, "Hammer"). Every other name belongs to one tool or one parameter of it,
 * so that a renamed row says by itself what it was.
 */
import type { Message, ToolDefinition } from "../../core/chat.ts";
import type { Conversation } from "../../core/conversation.ts";
import { type JsonObject, type JsonValue, isJsonObject } from "../../core/json.ts";
import type { Random } from "../../core/random.ts";

interface OtherNames {
  names: readonly string[];
  descriptions: readonly string[];
  parameters: Readonly<Record<string, readonly string[]>>;
}

const LOCATION = ["city", "place", "town", "where", "q", "location_name", "spot"];
const UNITS = ["unit", "scale", "temperature_unit", "degrees", "measure"];
const DAYS = ["num_days", "count", "horizon", "length", "n_days", "span"];
const DATE = ["day", "when", "on_date", "target_date", "d", "for_day"];

const OTHER: Readonly<Record<string, OtherNames>> = {
  get_current_weather: {
    names: ["weather_now", "current_conditions", "observe", "sky_report", "func_a1", "nowcast"],
    descriptions: [
      "What the weather is at this moment in a place",
      "Present conditions: sky, temperature, wind",
      "Latest observation for a city",
    ],
    parameters: { location: LOCATION, units: UNITS },
  },
  get_forecast: {
    names: ["daily_outlook", "forecast_days", "weather_ahead", "outlook", "func_b2", "next_days"],
    descriptions: [
      "One entry a day for the coming days in a place",
      "Forecast of several days, starting today",
      "The outlook for a city over a number of days",
    ],
    parameters: { location: LOCATION, days: DAYS, units: UNITS },
  },
  get_weather: {
    names: ["weather_on_date", "day_weather", "forecast_for_day", "query_day", "func_c3", "wx_day"],
    descriptions: [
      "The weather of a single day in a place",
      "Forecast for one named day or date",
      "Conditions, high and low on a given day",
    ],
    parameters: { location: LOCATION, date: DATE, units: UNITS },
  },
  find_place: {
    names: ["geocode", "lookup_place", "locate", "resolve_city", "func_d4"],
    descriptions: ["Where a place lies", "Latitude, longitude and time zone of a city"],
    parameters: { name: ["query", "place_name", "city_name", "text", "address"] },
  },
  get_forecast_at: {
    names: ["forecast_by_coordinates", "point_forecast", "outlook_at", "grid_weather", "func_e5"],
    descriptions: [
      "Forecast of several days for a latitude and longitude",
      "The coming days at a point on the map",
    ],
    parameters: {
      latitude: ["lat", "y", "north"],
      longitude: ["lon", "lng", "x", "east"],
      days: DAYS,
      units: UNITS,
    },
  },
  compare_weather: {
    names: ["weather_side_by_side", "compare_cities", "multi_city_weather", "func_f6"],
    descriptions: ["One day's weather in several cities", "Sets the weather of places in a table"],
    parameters: { locations: ["cities", "places", "towns", "spots"], date: DATE, units: UNITS },
  },
};

interface Renaming {
  tool: string;
  name: string;
  /** The tool's own parameter → its other name. */
  parameters: ReadonlyMap<string, string>;
}

const mapKeys = (record: JsonObject, names: ReadonlyMap<string, string>): JsonObject =>
  Object.fromEntries(
    Object.entries(record).map(([key, value]): [string, JsonValue] => [
      names.get(key) ?? key,
      value,
    ]),
  );

/** Names of `properties` and `required` as `names` has them. */
function mapSchema(schema: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  const { properties, required } = schema;
  return {
    ...schema,
    ...(isJsonObject(properties) && { properties: mapKeys(properties, names) }),
    ...(Array.isArray(required) && {
      required: required.map((key) => (typeof key === "string" ? (names.get(key) ?? key) : key)),
    }),
  };
}

/** Messages with the names of calls, of their arguments and of their results replaced. */
function mapMessages(
  messages: readonly Message[],
  renamings: ReadonlyMap<string, { name: string; parameters: ReadonlyMap<string, string> }>,
): Message[] {
  return messages.map((message) => {
    if (message.role === "assistant" && message.toolCalls)
      return {
        ...message,
        toolCalls: message.toolCalls.map((call) => {
          const to = renamings.get(call.name);
          if (!to) return call;
          const given = call.arguments;
          return {
            ...call,
            name: to.name,
            arguments: isJsonObject(given) ? mapKeys(given, to.parameters) : given,
          };
        }),
      };
    if (message.role === "tool" && message.name !== undefined)
      return { ...message, name: renamings.get(message.name)?.name ?? message.name };
    return message;
  });
}

function drawRenaming(tool: string, random: Random): Renaming {
  const { names, parameters } = OTHER[tool]!;
  return {
    tool,
    name: random.pick(names),
    parameters: new Map(
      Object.entries(parameters).map(([key, others]) => [
        key,
        // Some keep their own name: a mixture is what foreign tools look like.
        random.next() < 0.2 ? key : random.pick(others),
      ]),
    ),
  };
}

/** The row with other names for all its tools of weather; a row that offers none stays as it is. */
export function renameTools(row: Conversation, random: Random): Conversation {
  if (!row.tools?.some(({ name }) => name in OTHER)) return row;
  const renamings = new Map<string, Renaming>();
  const tools = row.tools.map((tool): ToolDefinition => {
    if (!(tool.name in OTHER)) return tool;
    const renaming = drawRenaming(tool.name, random);
    renamings.set(tool.name, renaming);
    const { name, parameters } = renaming;
    const description = random.pick([tool.description, ...OTHER[tool.name]!.descriptions]);
    return { name, description, parameters: mapSchema(tool.parameters, parameters) };
  });
  return { ...row, tools, messages: mapMessages(row.messages, renamings) };
}

const toolNamed = (name: string): string | undefined =>
  Object.keys(OTHER).find((tool) => OTHER[tool]!.names.includes(name));

/** The row under the tools' own names; `known` has their own descriptions. What is not on the list stays. */
export function originalTools(row: Conversation, known: readonly ToolDefinition[]): Conversation {
  const back = new Map<string, { name: string; parameters: Map<string, string> }>();
  const tools = row.tools?.map((offered): ToolDefinition => {
    const tool = toolNamed(offered.name);
    const own = known.find(({ name }) => name === tool);
    if (!tool || !own) return offered;
    const other = OTHER[tool]!;
    const parameters = new Map(
      Object.entries(other.parameters).flatMap(([key, others]) => others.map((to) => [to, key])),
    );
    back.set(offered.name, { name: tool, parameters });
    const { description } = offered;
    return {
      name: tool,
      description: other.descriptions.includes(description) ? own.description : description,
      parameters: mapSchema(offered.parameters, parameters),
    };
  });
  if (back.size === 0) return row;
  return { ...row, ...(tools && { tools }), messages: mapMessages(row.messages, back) };
}
