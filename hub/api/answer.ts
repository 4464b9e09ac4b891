// Answers in JSON: with a strong entity tag and 304 for what is read, without one for what was done.
import type { RouteConfig, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { sha256 } from "#shared/canonical.ts";
import { Problem } from "./problem.ts";

/** A value under a strong ETag made from its bytes; 304 without a body when the client has it. */
export function tagged<T>(c: Context, value: T): Response {
  return taggedText(c, JSON.stringify(value), "application/json");
}

/** @param tag with its quotes; made from the text when absent */
export function taggedText(c: Context, text: string, type: string, tag = tagOf(text)): Response {
  const headers = { ETag: tag, "Cache-Control": "private, no-cache" };
  if (isCurrent(c.req.header("if-none-match"), tag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(text, { headers: { ...headers, "Content-Type": type } });
}

/** The outcome of an act; never kept by a cache. */
export function done<T>(value: T, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "Content-Type": "application/json", "Cache-Control": "no-store" },
  });
}

function tagOf(text: string): string {
  return `"${sha256(text).slice(0, 32)}"`;
}

/** RFC 9110, section 13.1.2: If-None-Match compares weakly. */
export function isCurrent(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const known = ifNoneMatch.split(",").map((part) => part.trim().replace(/^W\//, ""));
  return known.includes("*") || known.includes(tag);
}

type Responses = RouteConfig["responses"];

/** The responses of a route: its own and, for all else, a problem. The wide type lets handlers answer
 *  with plain Responses, whose bodies the helpers above type. */
export function responses(own: Responses): Responses {
  const problem = { "application/problem+json": { schema: Problem } };
  return { ...own, default: { description: "A problem (RFC 9457).", content: problem } };
}

export function json(description: string, schema: z.ZodType): Responses[string] {
  return { description, content: { "application/json": { schema } } };
}

/** The responses of a route that reads: the value with its tag, or 304. */
export function reads(description: string, schema: z.ZodType): Responses {
  return responses({
    200: json(description, schema),
    304: { description: "The client's copy, named by If-None-Match, is current." },
  });
}
