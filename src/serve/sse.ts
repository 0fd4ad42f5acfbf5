/** Server-sent events as OpenAI writes them: one JSON object an event, then [DONE]. */
import type { ErrorBody } from "./errors.ts";

export interface SseOptions {
  /** Aborted when the reader goes away. */
  abort: AbortController;
  /** The status line is sent by now, so a failure becomes an event. */
  describe(error: unknown): ErrorBody;
}

const encoder = new TextEncoder();
const frame = (data: string): Uint8Array => encoder.encode(`data: ${data}\n\n`);

export const SSE_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/**
 * Streams `chunks`, each pulled only when the reader has room. Waits for the first one: what fails
 * before it is thrown, and so still gets a status of its own.
 */
export async function sseStream(
  chunks: AsyncGenerator<unknown>,
  { abort, describe }: SseOptions,
): Promise<ReadableStream<Uint8Array>> {
  let first: IteratorResult<unknown> | undefined = await chunks.next();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = first ?? (await chunks.next());
          first = undefined;
          controller.enqueue(frame(done ? "[DONE]" : JSON.stringify(value)));
          if (done) controller.close();
        } catch (error) {
          if (abort.signal.aborted) return controller.error(error);
          controller.enqueue(frame(JSON.stringify(describe(error))));
          controller.close();
        }
      },
      async cancel() {
        abort.abort();
        await chunks.return(undefined);
      },
    },
    // Nothing is made ahead of the reader: a slow client slows the generation, not the memory.
    { highWaterMark: 0 },
  );
}
