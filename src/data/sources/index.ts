/** Every kind of source; a new one is a file of its own and a line here. */
import { bundled } from "./bundled.ts";
import { feed } from "./feed.ts";
import { files } from "./files.ts";
import { gutenberg } from "./gutenberg.ts";
import { huggingface } from "./huggingface.ts";
import { redditCsv } from "./reddit-csv.ts";
import { redditListing } from "./reddit-listing.ts";
import { jokeapi } from "./jokeapi.ts";
import { type SourceKind, sourceKind } from "./source.ts";
import { weatherFacts } from "./weather-facts.ts";
import { web } from "./web.ts";

export const sources: readonly SourceKind[] = [
  sourceKind(bundled),
  sourceKind(gutenberg),
  sourceKind(redditCsv),
  sourceKind(redditListing),
  sourceKind(feed),
  sourceKind(files),
  sourceKind(huggingface),
  sourceKind(web),
  sourceKind(jokeapi),
  sourceKind(weatherFacts),
];
