// What a run needs of the machine and of the loop: ports that the tests fill with other parts.
import type { RunMarks, RunTry } from "#edge/plan/run.ts";
import type { StagedRevision } from "#edge/release/port.ts";
import type { AppName } from "#shared/ids.ts";
import type { NetworkSettings, RunStep } from "#shared/plan.ts";
import type { AppReport } from "#shared/reported.ts";
import type { RunId } from "#shared/run.ts";

export type OutputStream = "stdout" | "stderr";
export type OnOutput = (stream: OutputStream, text: string) => void;

export interface CommandOptions {
  signal: AbortSignal;
  onOutput: OnOutput;
}

/** What became of a change of the network so far. `confirmed`, `returned` and `left` are final. */
export type NetworkChangeState =
  | { is: "none" }
  /** The guard is there; whether the settings were applied nobody has written down. */
  | { is: "guarded" }
  | { is: "confirmed" }
  /** The former settings are being put back; `trouble`: why the last try of it failed. */
  | { is: "returning"; trouble?: { tries: number; message: string } }
  | { is: "returned" }
  /** The former settings could not be put back; the device goes on with those that it has. */
  | { is: "left" };

/** One change of the device's network, which returns by itself unless it is confirmed in time: a guard of its
 *  own outlives the agent, and another boot counts as too late. Every call may be repeated, by another
 *  process too. */
export interface NetworkChange {
  state(): NetworkChangeState;
  /** Keeps what is so now, and starts the guard.
   *  @throws FleetError command_missing, step_failed */
  guard(options: CommandOptions & { confirmMs: number }): Promise<void>;
  /** Nothing of it goes on once the former settings are being put back.
   *  @throws FleetError step_failed, also when it is too late */
  apply(settings: NetworkSettings, options: CommandOptions): Promise<void>;
  /** Starts a guard where none lives. */
  ensureGuard(): void;
  /** @returns false when it was too late: the former settings come back */
  confirm(): boolean;
  /** Asks the guard to put back what was, and starts one where none lives. */
  giveUp(): void;
  /** Lets the device go on with what it has, where the former settings cannot be put back. Only once the hub
   *  has answered over that.
   *  @param tries those that had failed before the hub was asked
   *  @returns false when there was another one since, or is one under way */
  leave(tries: number): boolean;
}

/** What runs do to the machine. */
export interface Machine {
  /** Returns when the command has ended; the machine may go down at any moment from its start on.
   *  @throws FleetError step_failed, command_missing */
  reboot(options: CommandOptions): Promise<void>;
  /** @param key names the try */
  networkChange(key: string): NetworkChange;
  /** One of another try whose former settings are not back yet: what is so now is not what was. */
  unsettledChange(key: string): Promise<NetworkChange | undefined>;
  /** Ends what an earlier process has left of the try.
   *  @throws FleetError step_failed, interrupted */
  runScript(
    staged: StagedRevision,
    call: { script: string; args: readonly string[]; key: string; timeoutMs: number },
    options: CommandOptions,
  ): Promise<void>;
  /** Changes that nobody confirmed come to their end; nothing is kept of runs that are over.
   *  @param open the run that is not */
  tidy(open: RunId | undefined): Promise<void>;
}

export interface SeenApp extends Pick<AppReport, "name" | "sync" | "health"> {
  copies: number;
  isUpdating: boolean;
  /** The device is to have it. */
  isWanted: boolean;
  /** Why the revision that is wanted is not tried again. */
  quarantine?: string;
  /** The nearest reason why it is not as desired. */
  why?: string;
}

/** What the loop has seen in its last round. */
export interface Seen {
  /** When it began to look, ms since boot. */
  sinceMs: number;
  apps: readonly SeenApp[];
  /** Apps of which a release lies on the disk. */
  stored: readonly AppName[];
  /** Why not everything can be seen. */
  blindBy?: string;
}

/** What an executor is told. */
export interface StepContext<S extends RunStep = RunStep> {
  step: S;
  run: RunId;
  /** Names the try, over restarts as well. */
  key: string;
  trying: RunTry;
  bootId: string;
  /** When this process began the try or took it up, ms since boot. */
  lookedSinceMs: number;
  /** Of a round that began after that; undefined before there was one. */
  seen: Seen | undefined;
  mark(marks: RunMarks): void;
  /** The agent's own words, into the run's log. */
  say(text: string): void;
  onOutput: OnOutput;
  /** What the step waits for, for people. */
  waitsFor(text: string): void;
}

/** `acting`: ask again. */
export type Verdict = "done" | "acting";

export interface Executor<S extends RunStep> {
  /** Goes on with the step; asked again and again, and again by the next process.
   *  @throws FleetError when this try has failed */
  act(context: StepContext<S>): Promise<Verdict>;
  /** The try is over without success: breaks off what is under way, and takes back what must not stay.
   *  @returns "acting" while it is still at it */
  stop?(context: StepContext<S>): Promise<Verdict>;
}

export type Executors = {
  [K in RunStep["kind"]]: Executor<Extract<RunStep, { kind: K }>>;
};
