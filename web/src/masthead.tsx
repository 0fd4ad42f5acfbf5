/** The head of the paper: ears, title, ornament, motto. It draws in once there are letters to read. */
import type { Persona } from "../../src/core/conversation.ts";
import { Ornament } from "./ornament.tsx";
import { useSetting } from "./settings.ts";

const EDITIONS = [
  { value: null, label: "Edition by the sun", next: "morning" },
  { value: "morning", label: "Morning edition", next: "evening" },
  { value: "evening", label: "Evening edition", next: null },
] as const;

export function Masthead({
  persona,
  motto,
  compact,
}: {
  persona: Persona;
  motto: string;
  compact: boolean;
}) {
  const [stored, setEdition] = useSetting("edition");
  const edition = EDITIONS.find((candidate) => candidate.value === stored) ?? EDITIONS[0];
  if (edition.value) document.documentElement.dataset.edition = edition.value;
  else delete document.documentElement.dataset.edition;
  const today = new Date().toLocaleDateString("en-US", {
    weekday: "long",
    month: "long",
    day: "numeric",
    year: "numeric",
  });

  return (
    <header class={compact ? "masthead compact" : "masthead"}>
      <div class="ears">
        <span class="ear">Vol. I</span>
        <span class="ear date">{today}</span>
        <button
          type="button"
          class="ear link"
          title="Light or dark paper"
          aria-label={`${edition.label}: change between light and dark paper`}
          onClick={() => setEdition(edition.next)}
        >
          {edition.label}
        </button>
      </div>
      <h1>
        <span class="the">The</span> TwainBot <span class="wide">Weather Almanack</span>
      </h1>
      <div class="plate">
        <Ornament persona={persona} />
      </div>
      <p class="motto">{motto}</p>
    </header>
  );
}
