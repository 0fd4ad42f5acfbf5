/**
 * Who may talk to the server. A page of a stranger can reach 127.0.0.1 through the visitor's own
 * browser, under its own name (DNS rebinding, caught by Host) or across origins (caught by Origin).
 */
import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { TwainError } from "../core/errors.ts";

/** `loopback`: only names of this machine in Host. `any`: the server is meant to be reached from elsewhere. */
export type HostPolicy = "loopback" | "any";

const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname === "[::1]" ||
  hostname.endsWith(".localhost") ||
  /^127(\.\d{1,3}){3}$/.test(hostname);

function parse(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

/** An origin of this machine, or the very origin the page was loaded from. */
function isOwnOrigin(origin: string, host: string): boolean {
  const url = parse(origin);
  if (!url || !/^https?:$/.test(url.protocol)) return false;
  return isLoopback(url.hostname) || url.host === host;
}

/** Throws `serve/foreign-host` or `serve/foreign-origin`. */
export function guardOrigins(policy: HostPolicy): MiddlewareHandler {
  return async (c, next) => {
    const url = parse(`http://${c.req.header("host") ?? new URL(c.req.url).host}`);
    if (policy === "loopback" && !isLoopback(url?.hostname ?? "")) {
      throw new TwainError(
        "serve/foreign-host",
        "this server answers only under the names of this machine",
        {
          hint: "Open it as http://127.0.0.1 or http://localhost, or start it with --host to serve others.",
        },
      );
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && !isOwnOrigin(origin, url?.host ?? "")) {
      throw new TwainError(
        "serve/foreign-origin",
        "pages of other origins may not use this server",
      );
    }
    await next();
  };
}

/** CORS for pages that other local programs serve; foreign origins were turned away before. */
export const corsForLocalPages = (): MiddlewareHandler =>
  cors({
    origin: (origin) => origin || null,
    allowMethods: ["GET", "POST"],
    exposeHeaders: ["X-Request-Id", "Retry-After"],
    maxAge: 600,
  });
