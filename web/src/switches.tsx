/** Whose voice answers, from which model; and a fresh sheet. */
import type { Persona } from "../../src/core/conversation.ts";
import type { Info } from "./api.ts";
import { VOICES } from "./voices.ts";

export interface SwitchesProps {
  persona: Persona;
  onPersona(persona: Persona): void;
  models: Info["models"];
  model: string;
  onModel(id: string): void;
  onClear?: (() => void) | undefined;
}

const modelLabel = (model: Info["models"][number]): string =>
  model.base === null ? `${model.id} (base)` : model.id;

export function Switches({ persona, onPersona, models, model, onModel, onClear }: SwitchesProps) {
  const chosen = models.find((candidate) => candidate.id === model);
  return (
    <div class="switches">
      <fieldset class="voices">
        <legend class="unseen">Voice</legend>
        {VOICES.map((voice) => (
          <label key={voice.persona}>
            <input
              type="radio"
              name="voice"
              value={voice.persona}
              checked={voice.persona === persona}
              onChange={() => onPersona(voice.persona)}
            />
            <span>{voice.label}</span>
          </label>
        ))}
      </fieldset>
      <label class="press">
        <span class="press-label">Press</span>
        <select
          value={model}
          disabled={models.length === 0}
          title={chosen?.description ?? "Which model answers"}
          aria-label="Model"
          onChange={(event) => onModel(event.currentTarget.value)}
        >
          {models.map((candidate) => (
            <option key={candidate.id} value={candidate.id}>
              {modelLabel(candidate)}
            </option>
          ))}
        </select>
      </label>
      {onClear && (
        <button type="button" class="link fresh" onClick={onClear}>
          Fresh sheet
        </button>
      )}
    </div>
  );
}
