// Shows the times of the API's answers as RFC 3339: the API itself gives integer Unix ms.
import { rfc3339 } from "#hub/cli/terminal/age.ts";

const timeKey = /^(at|since|until|lastTransitionTime|.+At)$/;

/** Their fields have names that workloads chose, and numbers that mean anything. */
const free: ReadonlySet<string> = new Set(["counters", "extensions"]);

/** The same value with its times as text. What else people name (labels, values) is text already, so a number
 *  under such a key is always a time. Pure. */
export function withTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTimes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, fieldWithTimes(key, child)]),
  );
}

function fieldWithTimes(key: string, value: unknown): unknown {
  if (free.has(key)) return value;
  return typeof value === "number" && timeKey.test(key) ? rfc3339(value) : withTimes(value);
}
