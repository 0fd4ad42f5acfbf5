/** A small HTTP server on the loopback, for tests of sources that download. */
import { type IncomingHttpHeaders, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  status: number;
  body?: string | Uint8Array;
  headers?: Record<string, string>;
  /** Writes the body instead of `body`, and may never end it. */
  send?: (response: ServerResponse) => void;
}

export interface TestServer {
  base: string;
  /** Paths with their queries, in the order they came. */
  requests: string[];
  /** The headers of each. */
  headers: IncomingHttpHeaders[];
  /** Opened so far, those that sent no request included. */
  connections: () => number;
  /** `count` is 1 for the first request of this path. */
  answer: (url: string, count: number) => Answer;
  close(): Promise<void>;
}

/** Answers 404 to everything until `answer` is set; robots.txt is one of the paths. */
export async function startTestServer(): Promise<TestServer> {
  const requests: string[] = [];
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    const url = request.url ?? "";
    requests.push(url);
    seen.push(request.headers);
    const { status, body, headers, send } = test.answer(
      url,
      requests.filter((each) => each === url).length,
    );
    response.writeHead(status, headers);
    if (send) send(response);
    else response.end(body);
  });
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const test: TestServer = {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    headers: seen,
    connections: () => connections,
    answer: () => ({ status: 404 }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return test;
}
