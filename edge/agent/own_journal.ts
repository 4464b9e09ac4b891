// Opens this device's journal, whatever became of it: its keys say which desired states are the hub's own.
import { join } from "node:path";
import type { Logger } from "pino";
import type { AgentConfig } from "#edge/config.ts";
import type { Journal } from "#edge/journal/port.ts";
import { recoverJournal } from "#edge/journal/recover.ts";
import { readIdentity, trustedKeys } from "#edge/sync/identity.ts";
import { openAddressed } from "#edge/sync/inbox.ts";
import type { Clock } from "#shared/clock.ts";

interface Parts {
  config: AgentConfig;
  bootId: string;
  clock: Clock;
  log: Pick<Logger, "warn" | "fatal">;
  /** Frees space on a full disk. */
  onFull(): boolean;
}

/** Ends the process when the journal is found damaged while it is in use, and when the disk takes it again: the
 *  next start rebuilds it or keeps it there. */
export function openOwnJournal({ config, log, ...parts }: Parts): Promise<Journal> {
  const { device, dataDirectory } = config;
  return recoverJournal({
    ...parts,
    file: join(dataDirectory, "journal.db"),
    limits: config.journal,
    verify: (envelope) => {
      const known = readIdentity(join(dataDirectory, "identity"));
      return openAddressed(envelope, device, known ? trustedKeys(known) : new Map());
    },
    warn: (message) => log.warn(message),
    onDamaged: (finding) => {
      log.fatal(
        { finding },
        "the journal is damaged; the agent ends, and its next start rebuilds it",
      );
      process.exit(1);
    },
    onBack: () => {
      log.fatal(
        "the disk takes the journal again; the agent ends, and its next start keeps it there",
      );
      process.exit(1);
    },
  });
}
