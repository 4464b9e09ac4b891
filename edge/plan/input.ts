// What the planner is told: the wish, what is there, what happened, and the time.
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import type { AppPolicy, AppSpec, DesiredMode } from "#shared/desired.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { FailureReport } from "#shared/reported.ts";
import type { Attempt } from "./attempt.ts";

/** A release as it can run: read from the disk, resolved, with the policy to judge it by. */
export interface Runnable {
  app: ResolvedApp;
  /** The commit that the disk names for it. */
  commit: string;
  policy: AppPolicy;
}

/** What the last round of the role's probes said. */
export interface ProbeRound {
  /** Ms since boot. */
  atMs: number;
  results: { probe: string; ok: boolean; detail: string }[];
}

export interface AppInput {
  app: AppName;
  mode: DesiredMode;
  /** Absent when the device should not have the app. */
  target?: { spec: AppSpec; revision: RevisionId };
  /** Unix ms at which the hub issued the wish. */
  issuedAt?: number;
  /** The link `current`, and what it stands for once it was read. */
  current?: RevisionId;
  serving?: Runnable;
  instances: ObservedInstance[];
  attempt?: Attempt;
  /** What served before the attempt, once it was read. */
  before?: ResolvedApp;
  /** Why a revision may not be tried again. */
  quarantined: ReadonlyMap<RevisionId, FailureReport>;
  /** Since when every changed service and probe has been fine without a break, ms since boot. */
  fineSinceMs?: number;
  probes?: ProbeRound;
  /** Whether the role of `serving` declares probes. */
  hasProbes: boolean;
  /** Something was started so lately that a failing probe may only be early. */
  settling: boolean;
  /** The runtimes did not answer, so `instances` says nothing. */
  blind: boolean;
  /** Services whose repair waits, and until when, ms since boot (damping.ts). */
  damped: ReadonlyMap<string, number>;
  /** Installed, but none of it is to run now: `serving` wants no copy. `dormant`: the safe-mode stack while it
   *  is not needed; `suspended`: stopped in safe mode, because it was sick; `drained`: a run wants it so. */
  resting?: "dormant" | "suspended" | "drained";
  /** A run installs it: neither a window nor a lock nor the app itself holds that back. */
  forced?: true;
  /** The copies of the release before this attempt (`copyKey`): what did not change is not judged by the
   *  gate. */
  unchanged: ReadonlySet<string>;
  /** Ms since boot. */
  nowMs: number;
  /** Unix ms, only to date what is reported. */
  wallMs: number;
}
