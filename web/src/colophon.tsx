/** The foot of the page: whose weather this is, and what the reader should know about the rest. */
import type { Info } from "./api.ts";

export function Colophon({ info }: { info: Info | null }) {
  return (
    <footer class="colophon">
      {info && <p>{info.weather.attribution ?? `Weather by ${info.weather.name}`}</p>}
      <p>
        The voices are imitations by a small language model{info && <>, TwainBot {info.version}</>}.
        Trust the telegram over the prose.
      </p>
    </footer>
  );
}
