// Ends processes that carry this runtime's marker and belong to no copy that it knows.
import { endRun } from "./group.ts";
import type { MarkedProcess } from "./proc.ts";

const graceMs = 2000;

/** @param known nonces of the runs that are supervised */
export async function endStrays(
  marked: readonly MarkedProcess[],
  known: ReadonlySet<string>,
): Promise<void> {
  const lost = new Set(marked.map(({ marker }) => marker.nonce).filter((each) => !known.has(each)));
  await Promise.all([...lost].map((nonce) => endRun({ nonce }, { signal: "SIGTERM", graceMs })));
}

/** Nobody waits any more for the results of an earlier agent's healthchecks and hooks. */
export function endAsides(marked: readonly MarkedProcess[]): void {
  for (const { pid, marker } of marked) if (marker.aside) tryKill(pid);
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself meanwhile.
  }
}
