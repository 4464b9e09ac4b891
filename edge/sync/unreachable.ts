// Says that the hub could not be reached over HTTP, and why as far as the network tells.
import { FleetError } from "#shared/errors.ts";

/** @param cause what fetch threw; undefined when the hub did answer
 *  @param why instead of what the cause tells */
export function hubUnreachable(hubUrl: string, cause: unknown, why?: string): FleetError {
  return new FleetError("hub_unreachable", {
    message: `the hub ${hubUrl} cannot be reached: ${why ?? reasonOf(cause)}`,
    hint: "Check the address and the network; the device goes on trying.",
    cause,
  });
}

/** fetch hides the network's error in its cause. */
function reasonOf(cause: unknown): string {
  const inner =
    cause instanceof Error ? (cause.cause as { code?: unknown } | undefined) : undefined;
  return typeof inner?.code === "string" ? inner.code : "no answer";
}
