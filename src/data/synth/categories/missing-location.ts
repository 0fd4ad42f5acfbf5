/** A question without a place: ask, never guess. */
import { drawMissing } from "../exchanges.ts";
import { type Category, weatherTools } from "./category.ts";
import { WEATHER_TOOLS } from "../../../weather/tools.ts";

export const missingLocation: Category = {
  name: "missing-location",
  train: [],
  heldout: [],
  measured: false,
  draw: ({ sources, talk }) =>
    Promise.resolve({
      exchanges: [drawMissing(sources, talk)],
      tools: weatherTools(
        WEATHER_TOOLS.map(({ name }) => name),
        sources.random,
      ),
    }),
};
