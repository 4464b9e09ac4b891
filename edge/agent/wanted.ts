// The releases that someone waits for: what the desired state names, and what an attempt is preparing.
import type { Journal } from "#edge/journal/port.ts";
import { preparing } from "#edge/plan/attempt.ts";

/** Digests. Told by the journal, so a start of the agent changes nothing. */
export function wantedDigests(journal: Pick<Journal, "desired" | "openAttempts">): Set<string> {
  const desired = journal.desired();
  const stack = desired?.safeStack === undefined ? [] : [desired.safeStack];
  const wanted = [...(desired?.apps ?? []), ...stack].map(({ release }) => release.digest);
  const attempts = journal.openAttempts().filter(({ stage }) => preparing.has(stage));
  return new Set<string>([...wanted, ...attempts.map(({ digest }) => digest)]);
}
