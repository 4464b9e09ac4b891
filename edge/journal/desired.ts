// The desired states that this device has accepted, newest first in force.
import type { Clock } from "#shared/clock.ts";
import { DesiredState, specHash } from "#shared/desired.ts";
import { Envelope } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import type { Connection } from "./database.ts";
import type { Entries } from "./entries.ts";
import { Damage, parseColumn } from "./unusable.ts";

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
  /** Its number; 0 before the first. */
  generation(): number;
  /** The signed envelope of the newest. */
  envelope(): Envelope | undefined;
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
  const mend = database.prepare<[string, number]>(
    "UPDATE desired_states SET content = ? WHERE generation = ?",
  );
  const envelope = database
    .prepare<[], string>("SELECT envelope FROM desired_states ORDER BY generation DESC LIMIT 1")
    .pluck();
  const keep = (desired: DesiredState, envelope: Envelope, hash: string): void => {
    const texts = [JSON.stringify(desired), JSON.stringify(envelope)] as const;
    insert.run(desired.generation, hash, Math.round(clock.now()), ...texts);
    forget.run(kept);
    entries.append({ kind: "desired.received", body: summary(desired, hash) });
  };
  return {
    receive: database.transaction((desired: DesiredState, envelope: Envelope) => {
      const held = newest.get();
      const verdict = compare(desired, held);
      if (verdict === "accepted") keep(desired, envelope, specHash(desired));
      // The disk has spoilt it, or an agent of another version read it.
      const text = JSON.stringify(desired);
      if (verdict === "same" && held?.content !== text) mend.run(text, desired.generation);
      return verdict;
    }),
    newest: () => {
      const row = newest.get();
      return row === undefined ? undefined : contentOf(row);
    },
    generation: () => newest.get()?.generation ?? 0,
    envelope: () => Envelope.safeParse(jsonOf(envelope.get())).data,
  };
}

/** @throws Damage */
function contentOf({ content, generation }: Row): DesiredState {
  const desired = DesiredState.safeParse(parseColumn(content, "desired_states"));
  if (desired.success) return desired.data;
  const cause = desired.error;
  throw new Damage(`the desired state of generation ${generation} cannot be read`, { cause });
}

function jsonOf(text: string | undefined): unknown {
  return text === undefined ? undefined : parseColumn(text, "desired_states");
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
