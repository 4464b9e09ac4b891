// Shows the times of the API's answers as RFC 3339: the API itself gives integer Unix ms.
import { rfc3339 } from "#hub/cli/terminal/age.ts";

const timeKey = /^(at|since|until|lastTransitionTime|.+At)$/;

/** The same value with its times as text. What people name (labels, values) is text already, so a number
 *  under such a key is always a time. Pure. */
export function withTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTimes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      typeof child === "number" && timeKey.test(key) ? rfc3339(child) : withTimes(child),
    ]),
  );
}
