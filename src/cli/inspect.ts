/** `twainbot inspect`: what a recipe will train on and how, before it does. */
import { existsSync } from "node:fs";
import type { Conversation } from "../core/conversation.ts";
import { createRandom } from "../core/random.ts";
import { trainingJobs } from "../train/training-jobs.ts";
import { forecastEvaluate } from "./answering-forecast.ts";
import { defineCommand, jsonArg, recipeArgs } from "./command.ts";
import {
  type Encoder,
  type LengthFacts,
  encodeAll,
  lengthFacts,
  openEncoder,
  parameterCounts,
  readDataset,
  stretches,
} from "./dataset-facts.ts";
import { machineMemory } from "../core/machine-memory.ts";
import type { Recipe } from "../core/recipe.ts";
import type { RunDir } from "../core/run-dir.ts";
import { isInCache } from "../models/hub.ts";
import { base } from "../train/base-stage.ts";
import { train } from "../train/train-stage.ts";
import { recipeSettings } from "./freeze-recipe.ts";
import { loadRecipe } from "./load-recipe.ts";
import { runOf } from "./run-stages.ts";
import { type Paint, fit, number, painter, short, widthOf, wrap } from "./terminal.ts";
import { forecastText, forecastTraining } from "./training-forecast.ts";

const heading = (text: string, paint: Paint): string => `\n${paint("bold", text)}\n`;

function lengthsText(facts: LengthFacts, width: number): string {
  const most = Math.max(...facts.histogram.map((bin) => bin.rows), 1);
  const room = Math.min(50, width - 24);
  const bars = facts.histogram.map(
    ({ upTo, rows }) =>
      `  ${String(upTo).padStart(6)} ${number(rows).padStart(8)}  ${"█".repeat(Math.ceil((rows / most) * room))}`,
  );
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return `  tokens     rows   (median ${facts.median}, longest ${facts.longest})
${bars.join("\n")}
  ${number(facts.tokens)} tokens, ${percent(facts.trainedTokens / Math.max(1, facts.tokens))} of them trained
  packing: ${percent(facts.packing)} of a batch is text, the rest padding
           ${number(facts.rows)} rows go in, ${facts.lost} are lost, ${facts.twice} go in twice
  the steps go through the rows ${facts.epochs.toFixed(1)} times${facts.tooLong > 0 ? `\n  ${number(facts.tooLong)} rows are longer than train.sequenceLength and will be left out` : ""}
`;
}

function rowText(
  row: Conversation,
  encoder: Encoder | undefined,
  paint: Paint,
  colours: boolean,
): string {
  const head = paint("cyan", `${row.id} (${row.tags.domain}, ${row.tags.persona})`);
  if (!encoder)
    return `${head}\n${row.messages.map((message) => `  ${message.role}: ${message.content ?? JSON.stringify("toolCalls" in message ? message.toolCalls : null)}`).join("\n")}\n`;
  const [example] = encodeAll([row], encoder);
  const text = stretches(example!, encoder.tokenizer)
    .map((part) =>
      colours
        ? paint(part.trained ? "green" : "dim", part.text)
        : part.trained
          ? `⟦${part.text}⟧`
          : part.text,
    )
    .join("");
  return `${head} ${example!.ids.length} tokens\n${text}\n`;
}

/** What a run would say of base and adapter before it starts; a base that may not be fetched is no mistake here. */
async function checkModel(recipe: Recipe, dir: RunDir, signal: AbortSignal): Promise<string[]> {
  if (recipe.base.kind === "hub" && !recipe.data.network && !(await isInCache(recipe.base)))
    return [];
  const told: string[] = [];
  for (const stage of [base, train])
    told.push(...((await stage.check?.(recipe, dir, signal)) ?? []));
  return told;
}

export const command = defineCommand(
  {
    ...recipeArgs,
    ...jsonArg,
    rows: { type: "string", default: "3", valueHint: "N", description: "How many rows to show" },
    domain: {
      type: "string",
      valueHint: "NAME",
      description: "Show rows of one domain, such as tool",
    },
  },
  async (args, { signal }) => {
    const recipe = await loadRecipe(args.recipe, args._.slice(1));
    const dir = runOf(recipe, args.runs);
    const told = await checkModel(recipe, dir, signal);
    const parameters = await parameterCounts(recipe, dir);
    const dataset = existsSync(dir.dataset.train)
      ? await readDataset(dir.dataset.train)
      : undefined;
    const encoder = await openEncoder(recipe, dir);
    const facts =
      dataset && encoder ? lengthFacts(encodeAll(dataset.rows, encoder), recipe.train) : undefined;
    const machine = machineMemory();
    const jobs = await trainingJobs(recipe, dir, encoder);
    const training = await forecastTraining(jobs);
    const evaluate = forecastEvaluate(recipe, jobs);
    const wanted = (dataset?.rows ?? []).filter(
      (row) => args.domain === undefined || row.tags.domain === args.domain,
    );
    const sampled = createRandom(recipe.seed)
      .shuffle(wanted)
      .slice(0, Number(args.rows) || 0);
    if (args.json) {
      const tokens = encoder
        ? sampled.map((row) => {
            const [example] = encodeAll([row], encoder);
            return { id: row.id, parts: stretches(example!, encoder.tokenizer) };
          })
        : null;
      const document = {
        recipe,
        run: dir.root,
        parameters: parameters ?? null,
        notices: told,
        rows: dataset?.byDomain ?? null,
        lengths: facts ?? null,
        machine,
        training,
        evaluate: evaluate ?? null,
        tokens,
      };
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
      return 0;
    }

    const out = process.stdout;
    const paint = painter(out);
    const settings = recipeSettings(recipe);
    const column = Math.max(...[...settings.keys()].map((path) => path.length)) + 2;
    out.write(heading(`Recipe ${recipe.name}`, paint));
    for (const [path, value] of settings)
      out.write(`  ${path.padEnd(column)}${fit(value, widthOf(out) - column - 2)}\n`);
    out.write(heading("Model", paint));
    out.write(
      parameters
        ? `  base     ${short(parameters.base)} parameters\n  adapter  ${short(parameters.trained)}, ${((100 * parameters.trained) / parameters.base).toFixed(1)} % of the base: only these are trained after it\n`
        : "  the base model is not there yet: with data.network=true its description is fetched\n",
    );
    for (const line of told.flatMap((text) => wrap(text, widthOf(out) - 4)))
      out.write(`  ${paint("yellow", line)}\n`);
    out.write(heading("Training", paint));
    out.write(
      training.length > 0
        ? forecastText(training, evaluate, machine, paint)
        : "  the base model is not there yet: its shape decides\n",
    );
    if (!dataset) {
      out.write(
        `\nThere is no dataset yet. Make it with: twainbot collect ${args.recipe} && twainbot curate ${args.recipe}\n`,
      );
      return 0;
    }
    out.write(heading("Training rows", paint));
    for (const [domain, count] of Object.entries(dataset.byDomain).toSorted(
      ([, a], [, b]) => b - a,
    ))
      out.write(`  ${domain.padEnd(18)}${number(count).padStart(8)}\n`);
    if (facts) out.write(heading("Lengths", paint) + lengthsText(facts, widthOf(out)));

    const colours = paint("green", "x") !== "x";
    const legend = encoder
      ? colours
        ? `${paint("green", "trained")}, ${paint("dim", "only read")}`
        : "⟦trained⟧, the rest is only read"
      : "as text: tokens can be shown once the base and its tokenizer are trained";
    out.write(heading(`Rows (${legend})`, paint));
    for (const row of sampled) out.write(`\n${rowText(row, encoder, paint, colours)}`);
    return 0;
  },
);
