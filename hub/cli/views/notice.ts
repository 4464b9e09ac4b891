// One notice as a sentence: what holds, why, who said so and what ends it.
import { rfc3339 } from "#hub/cli/terminal/age.ts";
import type { Notice } from "#hub/control/notices.ts";

/** @param since when it was said, in words */
export function noticeText(
  { message, reason, operator, until, endsWhen }: Notice,
  since?: string,
): string {
  const facts = [
    ...(operator === null ? [] : [`by ${operator}`]),
    ...(since === undefined ? [] : [`since ${since}`]),
    `until ${until === null ? endsWhen : rfc3339(until)}`,
  ];
  return `${message}${reason === null ? "" : `: ${reason}`} (${facts.join(", ")})`;
}
