// The desired states that this device has accepted, newest first in force.
import type { Clock } from "#shared/clock.ts";
import { DesiredState, specHash } from "#shared/desired.ts";
import type { Envelope } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import type { Connection } from "./database.ts";
import type { Entries } from "./entries.ts";

/** How many past desired states stay readable for a person who asks what was wanted before. */
const kept = 10;

interface Row {
  generation: number;
  specHash: string;
  content: string;
}

export interface DesiredStates {
  receive(desired: DesiredState, envelope: Envelope): "accepted" | "stale" | "same";
  newest(): DesiredState | undefined;
}

export function createDesiredStates(
  database: Connection,
  entries: Entries,
  clock: Clock,
): DesiredStates {
  const newest = database.prepare<[], Row>(
    `SELECT generation, spec_hash AS specHash, content FROM desired_states
     ORDER BY generation DESC LIMIT 1`,
  );
  const insert = database.prepare<[number, string, number, string, string]>(
    `INSERT INTO desired_states (generation, spec_hash, received_at, content, envelope)
     VALUES (?, ?, ?, ?, ?)`,
  );
  const forget = database.prepare<[number]>(
    `DELETE FROM desired_states WHERE generation NOT IN
     (SELECT generation FROM desired_states ORDER BY generation DESC LIMIT ?)`,
  );
  const keep = (desired: DesiredState, envelope: Envelope, hash: string): void => {
    const texts = [JSON.stringify(desired), JSON.stringify(envelope)] as const;
    insert.run(desired.generation, hash, Math.round(clock.now()), ...texts);
    forget.run(kept);
    entries.append({ kind: "desired.received", body: summary(desired, hash) });
  };
  return {
    receive: database.transaction((desired: DesiredState, envelope: Envelope) => {
      const verdict = compare(desired, newest.get());
      if (verdict === "accepted") keep(desired, envelope, specHash(desired));
      return verdict;
    }),
    newest: () => {
      const row = newest.get();
      return row === undefined ? undefined : DesiredState.parse(JSON.parse(row.content));
    },
  };
}

/** How a desired state compares with the one in force.
 *  @throws FleetError generation_conflict */
export function compare(
  desired: DesiredState,
  held: { generation: number; specHash: string } | undefined,
): "accepted" | "stale" | "same" {
  if (held === undefined || desired.generation > held.generation) return "accepted";
  if (desired.generation < held.generation) return "stale";
  if (specHash(desired) === held.specHash) return "same";
  throw new FleetError("generation_conflict", {
    message: `generation ${desired.generation} came again with other content`,
    hint: "Look for a second hub or a stolen signing key: one hub never gives a generation twice.",
  });
}

function summary(desired: DesiredState, hash: string): Record<string, unknown> {
  const apps = desired.apps.map(({ name, release }) => ({
    name,
    digest: release.digest,
    commit: release.commit,
  }));
  return { generation: desired.generation, specHash: hash, mode: desired.mode, apps };
}
