/** Small talk with the tools at hand, or with none. */
import { drawBanter } from "../exchanges.ts";
import { WEATHER_TOOLS } from "../../../weather/tools.ts";
import { type Category, someDistractors } from "./category.ts";

export const noTool: Category = {
  name: "no-tool",
  train: [],
  heldout: [],
  measured: false,
  draw({ sources, talk }) {
    const { random } = sources;
    const draw = random.next();
    const tools =
      draw < 0.2
        ? []
        : draw < 0.8
          ? [...WEATHER_TOOLS]
          : [...WEATHER_TOOLS, ...someDistractors(random, 1, 3)];
    return Promise.resolve({ exchanges: [drawBanter(sources, talk)], tools });
  },
};
