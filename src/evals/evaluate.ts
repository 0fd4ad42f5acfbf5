/** The evaluate stage: every task on every system, then the report in its five forms. */
import { writeFileAtomic } from "../core/atomic-file.ts";
import { TwainError } from "../core/errors.ts";
import { writeJsonl } from "../core/jsonl.ts";
import { createRandom } from "../core/random.ts";
import { nearest } from "../core/recipe-errors.ts";
import type { Recipe } from "../core/recipe.ts";
import type { Stage, StageContext } from "../core/stage.ts";
import { evalTasks } from "./registry.ts";
import type { EvalReport } from "./report.ts";
import { htmlReport } from "./report-html.ts";
import { junitReport, markdownReport } from "./report-text.ts";
import { summarise } from "./summarise.ts";
import type { System } from "./system.ts";
import type { EvalTask, Sample } from "./task.ts";

export type EvaluateConfig = Recipe["evaluate"];

function taskNamed(name: string): EvalTask {
  const found = evalTasks.find((task) => task.name === name);
  if (found) return found;
  const names = evalTasks.map((task) => task.name);
  const guess = nearest(name, names);
  throw new TwainError("evaluate/unknown-task", `evaluate.tasks: there is no task "${name}"`, {
    hint: guess ? `Did you mean ${guess}?` : `There are ${names.join(", ")}.`,
  });
}

/**
 * The stage; `openSystems` gives what is compared, the one to improve on first (`base`, `adapter`).
 * A failing gate does not fail the stage: it is written in the report.
 */
export function createEvaluate(deps: {
  openSystems(context: StageContext<EvaluateConfig>): Promise<System[]>;
}): Stage<EvaluateConfig> {
  return {
    name: "evaluate",
    needs: ["curate", "train"],
    alsoNeeds: (recipe) => (recipe.preference ? ["preference"] : []),
    config(recipe) {
      for (const name of recipe.evaluate.tasks) taskNamed(name);
      return recipe.evaluate;
    },

    async *run(context) {
      const { recipe, dir, signal } = context;
      const random = createRandom(recipe.seed).fork("evaluate");
      const systems = await deps.openSystems(context);
      const names = systems.map((system) => system.name);
      const report: EvalReport = {
        schema: 1,
        systems: names,
        scores: [],
        comparisons: [],
        gates: [],
      };
      const samples: Sample[] = [];
      try {
        for (const task of context.config.tasks.map(taskNamed)) {
          const result = yield* task.run(systems, { recipe, dir, random, signal });
          samples.push(...result.samples);
          const options = {
            rounds: recipe.evaluate.bootstrap,
            random: random.fork(`bootstrap ${task.name}`),
          };
          const { scores, comparisons } = summarise(task.name, result, names, options);
          report.scores.push(...scores);
          report.comparisons.push(...comparisons);
          report.gates.push(...task.gates(scores, comparisons));
          for (const { task: of, metric, system, value, n, low, high, slice } of scores) {
            if (slice === undefined)
              yield { type: "score", task: of, metric, system, value, n, low, high };
          }
        }
      } finally {
        for (const system of systems) await system.close?.();
      }

      await writeFileAtomic(dir.evaluate.json, `${JSON.stringify(report, null, 2)}\n`);
      await writeFileAtomic(dir.evaluate.html, htmlReport(recipe.name, report, samples));
      await writeFileAtomic(dir.evaluate.markdown, markdownReport(recipe.name, report));
      await writeFileAtomic(dir.evaluate.junit, junitReport(recipe.name, report));
      await writeJsonl(dir.evaluate.samples, samples);
      const passed = report.gates.filter((gate) => gate.pass).length;
      return {
        outputs: [
          dir.evaluate.json,
          dir.evaluate.html,
          dir.evaluate.markdown,
          dir.evaluate.junit,
          dir.evaluate.samples,
        ],
        counts: {
          scores: report.scores.length,
          samples: samples.length,
          gatesPassed: passed,
          gatesFailed: report.gates.length - passed,
        },
      };
    },
  };
}
