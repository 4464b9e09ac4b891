// What the database holds that cannot be found elsewhere: read out whole for the shadow, and put back.
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { type Attempt, machine, type Stage } from "#edge/plan/attempt.ts";
import type { DesiredState } from "#shared/desired.ts";
import { Envelope } from "#shared/envelope.ts";
import { asFleetError } from "#shared/errors.ts";
import { AppName, RevisionId } from "#shared/ids.ts";
import { FailureReport } from "#shared/reported.ts";
import type { Attempts } from "./attempts.ts";
import type { Connection } from "./database.ts";
import type { DesiredStates } from "./desired.ts";
import type { Entries } from "./entries.ts";
import type { Memory } from "./memory.ts";
import type { Outgoing } from "./outgoing.ts";
import type { Quarantined } from "./port.ts";

const stages = Object.keys(machine) as [Stage, ...Stage[]];

/** The fields without which an attempt cannot go on; the others are optional in the update machine. */
const StoredAttempt = z.looseObject({
  id: z.string(),
  app: AppName,
  to: RevisionId,
  digest: z.string(),
  commit: z.string(),
  stage: z.enum(stages),
  startedAt: z.number(),
  startedMonotonicMs: z.number(),
  stageMonotonicMs: z.number(),
  bootId: z.string(),
  tries: z.number(),
});

/** One that an agent of another version wrote in its own way costs no other. */
function those<T>(schema: z.ZodType<T>): z.ZodType<T[]> {
  return z
    .array(z.unknown())
    .transform((items) => items.flatMap((item) => schema.safeParse(item).data ?? []) as T[]);
}

export const JournalState = z.object({
  epoch: z.string(),
  /** The database held entries up to here. */
  seq: z.number().int().nonnegative(),
  envelope: Envelope.exactOptional(),
  quarantined: those(z.object({ app: AppName, revision: RevisionId, failure: FailureReport })),
  attempts: those(StoredAttempt),
  remembered: z.record(z.string(), z.unknown()),
});
export type JournalState = z.infer<typeof JournalState>;

/** @throws FleetError envelope_invalid */
export type Verify = (envelope: Envelope) => DesiredState;

export interface StateOfJournal {
  read(): JournalState;
  /** @returns what came back, in words */
  restore(state: JournalState, verify: Verify): string;
}

export function createState(parts: {
  entries: Entries;
  outgoing: Outgoing;
  desired: DesiredStates;
  attempts: Attempts;
  memory: Memory;
}): StateOfJournal {
  const { entries, outgoing, desired, attempts, memory } = parts;

  const receive = (envelope: Envelope | undefined, verify: Verify): string => {
    if (envelope === undefined) return "no desired state";
    try {
      const wanted = verify(envelope);
      desired.receive(wanted, envelope);
      return `generation ${wanted.generation}`;
    } catch (error) {
      return `no desired state (${asFleetError(error).sentence})`;
    }
  };

  return {
    read: () => {
      const envelope = desired.envelope();
      return {
        epoch: outgoing.epoch(),
        seq: entries.lastSeq(),
        ...(envelope === undefined ? {} : { envelope }),
        quarantined: attempts.quarantined(),
        attempts: attempts.open().map((attempt) => ({ ...attempt })),
        remembered: memory.all(),
      };
    },
    restore: ({ envelope, quarantined, attempts: open, remembered }, verify) => {
      const wish = receive(envelope, verify);
      attempts.restore(open as unknown as Attempt[], quarantined satisfies Quarantined[]);
      memory.restore(remembered);
      const values = Object.keys(remembered).length;
      return `${wish}, ${counted(quarantined.length, "quarantined revision")}, ${counted(open.length, "open attempt")} and ${counted(values, "remembered value")}`;
    },
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Gives the database a name when it has none, and another as long as it never had an entry: an old copy of
 *  an empty one would go on under the name of what came after it.
 *  @returns whether it is new */
export function nameDatabase(database: Connection): boolean {
  const isNew = database.prepare("SELECT 1 FROM journal").get() === undefined;
  const name = database.prepare(
    `INSERT INTO journal (id, epoch) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch
     WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'entries')`,
  );
  name.run(randomUUID());
  return isNew;
}
