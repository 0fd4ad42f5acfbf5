/** Where a question is written. Enter sends, Shift+Enter breaks the line, Escape stops the answer. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";

export interface ComposerProps {
  field: RefObject<HTMLTextAreaElement | null>;
  ready: boolean;
  writing: boolean;
  onSend(text: string): void;
  onStop(): void;
}

export function Composer({ field, ready, writing, onSend, onStop }: ComposerProps) {
  const [text, setText] = useState("");
  // As tall as what is written, up to the limit in the stylesheet.
  useLayoutEffect(() => {
    const box = field.current;
    if (!box) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }, [text, field]);
  // On a touch screen focus would throw up the keyboard over the page.
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus({ preventScroll: true });
  }, [field]);

  const send = (): void => {
    const question = text.trim();
    if (!question || writing || !ready) return;
    setText("");
    onSend(question);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="unseen" for="question">
        Your question
      </label>
      <textarea
        id="question"
        ref={field}
        rows={1}
        value={text}
        maxLength={4000}
        placeholder="A town, and a day"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          // While an input method composes, Enter belongs to it.
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      {writing ? (
        <button type="button" class="press-button stop" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button type="submit" class="press-button" disabled={!ready || text.trim() === ""}>
          Send
        </button>
      )}
    </form>
  );
}
