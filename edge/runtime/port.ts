// The runtime port: what the loop needs of Docker, of supervised processes and of the in-memory fake.
import type { ComposeProject, ComposeService } from "#shared/compose/model.ts";
import type { AppName, Digest, RevisionId } from "#shared/ids.ts";
import type { InstanceReport, RuntimeName } from "#shared/reported.ts";
import type { Backend } from "./forward/table.ts";

/** One running copy as the runtime sees it now. */
export interface ObservedInstance extends InstanceReport {
  runtime: RuntimeName;
  app: AppName;
  service: string;
  /** Empty for a copy that carries no hash of ours. */
  configHash: string;
  /** The release that its files come from; kept on disk while any instance names it. */
  release: string;
  image?: string;
  /** Where the copy itself listens, by container port; of a running copy that is handed over. */
  backends?: Readonly<Record<string, Backend>>;
  /** Networks that it should be attached to and is not. A start attaches it again. */
  detachedFrom?: string[];
  /** What others have changed under it since it was made, in words. A start puts it right. */
  edited?: string[];
  /** What is gone from under it though it runs, in words. Only another copy helps. */
  lost?: string[];
}

/** A service resolved for this device, with its hash. */
export interface ResolvedService {
  spec: ComposeService;
  configHash: string;
  runtime: RuntimeName;
}

/** A revision ready to run: everything that an executor needs, already validated. */
export interface ResolvedApp {
  app: AppName;
  /** Compose project name on the Engine. */
  project: string;
  revision: RevisionId;
  release: Digest;
  /** Absolute path of the unpacked release. */
  directory: string;
  compose: ComposeProject;
  services: Record<string, ResolvedService>;
  /** For processes, configs and secrets that come from values. */
  values: Readonly<Record<string, string>>;
}

export interface InstanceRef {
  service: string;
  /** Counts from 1. */
  index: number;
}

export interface LogLine {
  /** Unix ms. */
  at: number;
  stream: "stdout" | "stderr";
  text: string;
}

/** Lines in the order in which they were said. */
export interface LogBatch {
  lines: LogLine[];
  /** Bytes before these lines that were overwritten before anyone read them, or cut off a long line. */
  droppedBytes: number;
}

/** A copy's output from some place on. */
export interface LogFollow {
  /** What was there, oldest first. */
  last: LogLine[];
  /** What comes after it, over restarts of the copy. Pulled: what nobody asks for stays where it is kept.
   *  Ends when the copy is gone, or with the signal. */
  more: AsyncIterable<LogBatch>;
}

/** Every call has a deadline of its own and fails with a FleetError whose code says whether to retry.
 *  Every call may be repeated. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Cheap enough for each idle loop: one list call. All apps of this device, foreign copies under
   *  their names included. */
  observe(): Promise<ObservedInstance[]>;
  /** Fetches an image and checks afterwards that it is there, whatever the pull said.
   *  @param onProgress share of bytes in [0, 1]
   *  @throws FleetError image_missing, image_denied, image_corrupt, registry_unreachable */
  pull(
    image: string,
    options: {
      policy: ComposeService["pullPolicy"];
      platform?: string | undefined;
      onProgress?: ((share: number) => void) | undefined;
      signal?: AbortSignal | undefined;
    },
  ): Promise<void>;
  /** What can be found out before anything stops: the image is there, the command exists, host ports
   *  that no service of the same app holds are free.
   *  @throws FleetError image_missing, command_missing, port_taken, runtime_refused */
  check(app: ResolvedApp, serving: readonly ObservedInstance[]): Promise<void>;
  /** Looks for what the app's copies have lost though they run: costs too much for each round. From then
   *  on `observe` says it of the copies. Absent: there is nothing that can be lost so.
   *  @returns what was found, in words */
  examine?(app: ResolvedApp): Promise<string[]>;
  /** Creates the app's networks and volumes where missing. */
  prepare(app: ResolvedApp): Promise<void>;
  /** Creates and starts one copy, or starts the stopped one that has the right hash. A copy with another
   *  hash at that place must have been removed before, but of a service that is handed over: there the new
   *  one starts beside it.
   *  @throws FleetError start_failed, port_taken, image_missing, command_missing, runtime_refused */
  start(app: ResolvedApp, instance: InstanceRef): Promise<void>;
  /** Stops within the copy's grace period, then removes it. Nothing happens when it is gone. */
  remove(instance: ObservedInstance): Promise<void>;
  /** Stops and starts one copy in place. */
  restart(instance: ObservedInstance): Promise<void>;
  /** Removes networks of an app that no longer runs here; volumes stay: they hold data. */
  cleanUp(app: AppName, project: string): Promise<void>;
  /** The same, and the app's volumes too: its data is gone.
   *  @throws FleetError runtime_refused when something still has them */
  wipe(app: AppName, project: string): Promise<void>;
  /** Removes images that this agent has fetched and that none of these apps, the revisions that may run here
   *  again, needs. Absent: there are none.
   *  @returns what was removed */
  collectImages?(kept: readonly ResolvedApp[]): Promise<string[]>;
  /** The last lines, oldest first. */
  logs(instance: ObservedInstance, options: { tail: number; sinceMs?: number }): Promise<LogLine[]>;
  /** The last lines and, without a gap, each new one. */
  follow(
    instance: ObservedInstance,
    options: { tail: number; sinceMs?: number; signal: AbortSignal },
  ): Promise<LogFollow>;
  /** Calls back when something may have changed (an exit, a health change), so that the loop wakes early. */
  onChange(listener: () => void): void;
  stop(): Promise<void>;
}
