/** Before the first question: what this is, and questions to begin with. */
import { QUESTIONS } from "./voices.ts";

export function FrontPage({ onAsk, ready }: { onAsk(text: string): void; ready: boolean }) {
  return (
    <section class="front" aria-labelledby="front-title">
      <h2 id="front-title">Put a question to the Almanack</h2>
      <p class="lead">
        Name a town and a day. The Almanack wires for the weather first, shows you the telegram as
        it came in, and only then permits its correspondents to be clever about it.
      </p>
      <h3>Letters lately received</h3>
      <ul class="chips">
        {QUESTIONS.map((question) => (
          <li key={question}>
            <button type="button" class="chip" disabled={!ready} onClick={() => onAsk(question)}>
              {question}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
