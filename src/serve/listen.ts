/** Puts an app on a port, and takes it off again without cutting off those it is serving. */
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { TwainError } from "../core/errors.ts";

export interface Listening {
  /** Where a browser on this machine finds it. */
  url: string;
  port: number;
  /** Stops accepting, lets running answers end for `graceMs`, then cuts them off (which aborts their generation). */
  close(graceMs?: number): Promise<void>;
}

const WILDCARD = new Set(["0.0.0.0", "::"]);

function listenError(error: NodeJS.ErrnoException, host: string, port: number): unknown {
  if (error.code === "EADDRINUSE") {
    return new TwainError("serve/port-in-use", `port ${port} of ${host} is in use`, {
      hint: `Stop the other program or choose another port, for instance --port ${port + 1}.`,
      cause: error,
    });
  }
  if (["EACCES", "EADDRNOTAVAIL", "ENOTFOUND"].includes(error.code ?? "")) {
    return new TwainError(
      "serve/cannot-listen",
      `cannot listen on ${host}:${port} (${error.code})`,
      {
        hint: "Choose an address of this machine and a port above 1023.",
        cause: error,
      },
    );
  }
  return error;
}

/** Port 0 takes a free one. Throws `serve/port-in-use` or `serve/cannot-listen`. */
export async function listen(
  app: { fetch: Hono["fetch"] },
  { host = "127.0.0.1", port }: { host?: string; port: number },
): Promise<Listening> {
  const server = createAdaptorServer({
    fetch: (request, env) => app.fetch(request, env),
    hostname: host,
    overrideGlobalObjects: false,
  }) as Server;
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, host, port);
  }
  const bound = (server.address() as AddressInfo).port;
  const name = WILDCARD.has(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;

  return {
    url: `http://${name}:${bound}`,
    port: bound,
    async close(graceMs = 2000) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      // A kept-alive connection whose answer ends now would otherwise hold the server for seconds.
      const sweep = setInterval(() => server.closeIdleConnections(), 50);
      await closed;
      clearTimeout(cut);
      clearInterval(sweep);
    },
  };
}
