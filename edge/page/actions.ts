// What people at the device may ask of the agent, and what they may read of its workloads.
import type { LogLine } from "#edge/runtime/port.ts";
import type { AppName } from "#shared/ids.ts";

/** A request, not its result: the loop does the work, and the status shows it.
 *  Each throws FleetError with the reason why it cannot be. */
export interface LocalActions {
  /** Without an app: all of them. Failed releases are tried again, waits end. */
  retry(app?: AppName): void | Promise<void>;
  /** Reads every file of the releases, the journal and the disk, as is done once an hour. */
  deepCheck(): void | Promise<void>;
  restartService(app: AppName, service: string): void | Promise<void>;
  safeMode: {
    enter(reason: string): void | Promise<void>;
    leave(): void | Promise<void>;
  };
}

/** The last lines, oldest first. */
export type ReadLogs = (app: AppName, service: string, tail: number) => Promise<LogLine[]>;
