// Reads what a request brings, as JSON or as a form, and checks it.
import type { Context } from "hono";
import type { z } from "zod";
import { FleetError } from "#shared/errors.ts";

/** Sent by a form, so a person waits for a page. */
export function isForm(c: Context): boolean {
  const type = c.req.header("content-type") ?? "";
  return /^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type);
}

/** Nothing at all counts as `{}`.
 *  @throws FleetError request_invalid */
export async function readBody(c: Context): Promise<unknown> {
  if (isForm(c)) return c.req.parseBody();
  const text = await c.req.text();
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FleetError("request_invalid", {
      message: "the body is not JSON",
      hint: "Send a JSON object, or a form.",
      cause,
    });
  }
}

/** @throws FleetError request_invalid with every field that does not hold */
export function checked<T extends z.ZodType>(schema: T, input: unknown): z.infer<T> {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  const faults = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`,
  );
  throw new FleetError("request_invalid", {
    message: faults.join("; "),
    hint: "GET /v1/openapi.json says what each request takes.",
  });
}
