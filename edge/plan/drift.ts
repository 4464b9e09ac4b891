// Says in words what was done to running copies behind the agent's back. Pure.
import type { ObservedInstance } from "#edge/runtime/port.ts";

/** E.g. `web-1: the memory limit is 64 MiB instead of 128 MiB`; empty where a copy's state says all. */
export function driftWords(instances: readonly ObservedInstance[]): string {
  return instances.flatMap(wordsOf).join("; ");
}

function wordsOf({ service, index, edited = [], lost = [], detachedFrom = [] }: ObservedInstance) {
  const detached = detachedFrom.map((network) => `it is not attached to network ${network}`);
  return [...edited, ...lost, ...detached].map((text) => `${service}-${index}: ${text}`);
}
