/** The letters and answers. Keeps to the newest line while the reader is there, and stays where they scroll. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { AnswerColumn } from "./answer-column.tsx";
import type { Answer, Entry } from "./conversation.ts";

/** Pixels from the bottom that still count as being at it. */
const NEAR = 160;

function statusLine(answer: Answer | undefined): string {
  if (!answer) return "";
  if (answer.status === "failed") return "The answer failed.";
  if (answer.status === "stopped") return "Stopped.";
  if (answer.status === "done") return "The answer is complete.";
  const waiting = answer.parts.some((part) => part.kind === "telegram" && !part.call.result);
  return waiting ? "Waiting for a weather telegram." : "Writing an answer.";
}

export function Thread({ entries, onRetry }: { entries: Entry[]; onRetry(text: string): void }) {
  const following = useRef(true);
  useEffect(() => {
    const onScroll = (): void => {
      following.current = scrollY + innerHeight > document.documentElement.scrollHeight - NEAR;
    };
    addEventListener("scroll", onScroll, { passive: true });
    return () => removeEventListener("scroll", onScroll);
  }, []);
  const letters = entries.length;
  useLayoutEffect(() => {
    following.current = true;
  }, [letters]);
  useLayoutEffect(() => {
    if (following.current) scrollTo({ top: document.documentElement.scrollHeight });
  }, [entries]);

  const last = entries.at(-1);
  const answer = last?.role === "assistant" ? last : undefined;
  return (
    <>
      {/* Busy while it grows, so that a screen reader speaks the whole answer once and not each word. */}
      <div
        class="thread"
        role="log"
        aria-label="Conversation"
        aria-busy={answer?.status === "writing"}
      >
        {entries.map((entry, at) => {
          if (entry.role === "user") return <Question key={entry.id} text={entry.text} />;
          const asked = entries[at - 1];
          const again =
            entry === last && asked?.role === "user" ? () => onRetry(asked.text) : undefined;
          return <AnswerColumn key={entry.id} answer={entry} onRetry={again} />;
        })}
      </div>
      <p class="unseen" role="status">
        {statusLine(answer)}
      </p>
    </>
  );
}

const Question = ({ text }: { text: string }) => (
  <article class="letter" aria-label="You asked">
    <p class="salutation" aria-hidden="true">
      To the Almanack,
    </p>
    <p class="letter-text">{text}</p>
  </article>
);
