/** One answer: its byline, its telegrams, its words, and what went wrong with it. */
import type { Answer } from "./conversation.ts";
import { Telegram } from "./telegram.tsx";
import { voiceOf } from "./voices.ts";

const Words = ({ text, writing }: { text: string; writing: boolean }) => {
  const paragraphs = text.split(/\n{2,}/);
  return (
    <div class="words">
      {paragraphs.map((paragraph, at) => (
        <p key={at}>
          {paragraph}
          {writing && at === paragraphs.length - 1 && <span class="pen" aria-hidden="true" />}
        </p>
      ))}
    </div>
  );
};

export function AnswerColumn({
  answer,
  onRetry,
}: {
  answer: Answer;
  onRetry?: (() => void) | undefined;
}) {
  const writing = answer.status === "writing";
  const waitingForWords = writing && answer.parts.at(-1)?.kind !== "text";
  const pending = answer.parts.some((part) => part.kind === "telegram" && !part.call.result);
  const numbers = answer.parts.map(
    (part, at) => answer.parts.slice(0, at).filter((one) => one.kind === "telegram").length + 1,
  );
  return (
    <article class={`answer ${answer.persona}`} aria-label={voiceOf(answer.persona).byline}>
      <header class="byline">
        <span>{voiceOf(answer.persona).byline}</span>
        <span class="by-model">{answer.model}</span>
      </header>
      {answer.forgotten > 0 && (
        <p class="aside">
          The earlier {answer.forgotten === 1 ? "letter" : `${answer.forgotten} letters`} no longer
          fitted on the desk; this answer was written without{" "}
          {answer.forgotten === 1 ? "it" : "them"}.
        </p>
      )}
      {answer.parts.map((part, at) =>
        part.kind === "telegram" ? (
          <Telegram key={part.call.id} call={part.call} number={numbers[at]!} waiting={writing} />
        ) : (
          <Words key={at} text={part.text} writing={writing && at === answer.parts.length - 1} />
        ),
      )}
      {waitingForWords && !pending && (
        <p class="pondering" aria-hidden="true">
          <i>·</i> <i>·</i> <i>·</i>
        </p>
      )}
      {answer.cut && <p class="aside">Here the column ran out of room.</p>}
      {answer.status === "stopped" && <p class="aside">Stopped at your request.</p>}
      {answer.status === "failed" && (
        <p class="notice" role="alert">
          {answer.problem}{" "}
          {onRetry && (
            <button type="button" class="link" onClick={onRetry}>
              Ask again
            </button>
          )}
        </p>
      )}
    </article>
  );
}
