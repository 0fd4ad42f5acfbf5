/** The page: what the server offers, which voice and model are chosen, and the conversation. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Info, fetchInfo } from "./api.ts";
import { Colophon } from "./colophon.tsx";
import { Composer } from "./composer.tsx";
import { FrontPage } from "./front-page.tsx";
import { Masthead } from "./masthead.tsx";
import { Switches } from "./switches.tsx";
import { Thread } from "./thread.tsx";
import { useSetting } from "./settings.ts";
import { useChat } from "./use-chat.ts";
import { VOICES, voiceOf } from "./voices.ts";

export function Almanack() {
  const [info, setInfo] = useState<Info | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [storedPersona, setPersona] = useSetting("persona");
  const [storedModel, setModel] = useSetting("model");
  const chat = useChat();
  const field = useRef<HTMLTextAreaElement>(null);

  const load = (): void => {
    setTrouble(null);
    fetchInfo().then(setInfo, () =>
      setTrouble("The Almanack cannot be reached. Is the server still running?"),
    );
  };
  useEffect(load, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") chat.stop();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [chat.stop]);

  const persona =
    VOICES.find((voice) => voice.persona === storedPersona)?.persona ??
    info?.defaultPersona ??
    "twain";
  const model =
    info?.models.find((candidate) => candidate.id === storedModel)?.id ?? info?.models[0]?.id ?? "";
  const send = (text: string): void => {
    if (!model || chat.writing) return;
    void chat.send(text, { persona, model });
    if (matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  };

  return (
    <div class="sheet">
      <Masthead
        persona={persona}
        motto={voiceOf(persona).motto}
        compact={chat.entries.length > 0}
      />
      <Switches
        persona={persona}
        onPersona={setPersona}
        models={info?.models ?? []}
        model={model}
        onModel={setModel}
        onClear={chat.entries.length > 0 ? chat.clear : undefined}
      />
      <main>
        {trouble && (
          <p class="notice" role="alert">
            {trouble}{" "}
            <button type="button" class="link" onClick={load}>
              Try again
            </button>
          </p>
        )}
        {info?.models.length === 0 && (
          <p class="notice" role="alert">
            No model is loaded yet.{" "}
            <button type="button" class="link" onClick={load}>
              Look again
            </button>
          </p>
        )}
        {chat.entries.length === 0 ? (
          <FrontPage onAsk={send} ready={model !== ""} />
        ) : (
          <Thread entries={chat.entries} onRetry={send} />
        )}
      </main>
      <Composer
        field={field}
        ready={model !== ""}
        writing={chat.writing}
        onSend={send}
        onStop={chat.stop}
      />
      <Colophon info={info} />
    </div>
  );
}
