/** Reports tell what the result says, and extracts what the question says. */
import { expect, test } from "vitest";
import type { JsonObject } from "../../core/json.ts";
import { createRandom } from "../../core/random.ts";
import { checkGrounded } from "../../weather/grounded.ts";
import { askWeather } from "./ask.ts";
import { drawReport, extract } from "./drill-report.ts";
import { someMoment } from "./simulator.ts";
import { loadVoices } from "./voices.ts";

const spot = { name: "Borville", label: "Borville, Ohio, United States" };

test("a report is grounded in its result, and belongs to no other", async () => {
  const voices = await loadVoices();
  const random = createRandom(3);
  let grounded = 0;
  let foreign = 0;
  const drills = Array.from({ length: 300 }, () => drawReport(random, spot, voices));
  const resultOf = (user: string): JsonObject =>
    JSON.parse(user.slice(0, user.lastIndexOf("}") + 1)) as JsonObject;
  drills.forEach(({ user, answer }, i) => {
    if (checkGrounded(answer, [resultOf(user)]).grounded) grounded++;
    const other = drills[(i + 1) % drills.length]!;
    if (checkGrounded(answer, [resultOf(other.user)]).grounded) foreign++;
  });
  expect(grounded).toBe(300);
  expect(foreign).toBeLessThan(20);
});

test("an extract is the arguments of the question, and no call", async () => {
  const random = createRandom(4);
  const place = { name: "Borville", region: "", country: "Ohio", latitude: 0, longitude: 0 };
  for (let i = 0; i < 50; i++) {
    const question = askWeather({
      tool: "get_weather",
      template: { id: "q", text: "Will it rain in {place} {on_date}?" },
      place: { ...place, timezone: "UTC" },
      now: someMoment(random),
      random,
    });
    const { user, answer } = extract(question, random);
    const args = JSON.parse(answer) as { location: string; date: string };
    expect(args).toEqual(question.arguments);
    expect(user).toContain(args.location);
    expect(user).toContain(args.date);
  }
});
