// What fails a schema, told by field.
import type { Hook } from "@hono/zod-openapi";
import type { ApiEnv } from "./env.ts";
import { sendProblem } from "./problem.ts";

const places: Record<string, string> = {
  json: "body",
  form: "body",
  query: "query",
  param: "path",
  header: "header",
};

/** A small body can hold a hundred thousand faults, and anybody may send one. */
const mostErrors = 20;

type Refuse = Hook<unknown, ApiEnv, string, Response | undefined>;

/** Answers 400 with the names of the fields that do not hold; the sentence names the first. */
export const refuseInvalid: Refuse = (result, c) => {
  if (result.success) return undefined;
  const place = places[result.target] ?? result.target;
  const errors = result.error.issues.slice(0, mostErrors).map(({ path, message }) => ({
    field: [place, ...path.map(String)].join("."),
    message,
  }));
  const [first] = errors;
  const detail = first === undefined ? "not valid" : `${first.field}: ${first.message}`;
  return sendProblem(c, { code: "request_invalid", detail, errors });
};
