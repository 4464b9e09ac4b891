// Applies one message to the live picture of a device and notes what changed and what to tell.
import type { Beat, Presence } from "#shared/beat.ts";
import { canonicalJson } from "#shared/canonical.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { Connection, HealthStatus } from "#shared/status.ts";
import { deriveSync, statusOf } from "./derive.ts";
import { hubEvent } from "./events.ts";
import type { LiveDevice } from "./live.ts";
import type { Outcome } from "./outcome.ts";
import { isOvertaken, type Said } from "./overtaken.ts";

export interface Moment {
  /** Unix ms. */
  now: number;
  monotonicMs: number;
}

/** A device's own changes of "last seen" and of host health reach the store this often at most. */
const seenEveryMs = 5000;

function saidBy({ bootId, monotonicMs }: Said): Said {
  return monotonicMs === undefined ? { bootId } : { bootId, monotonicMs };
}

/** Any message but a will shows that the device is there. */
function heard(live: LiveDevice, outcome: Outcome, moment: Moment): void {
  live.lastSeenAt = moment.now;
  if (live.connection !== "Online") {
    setConnection(live, "Online", "the device is connected", outcome, moment);
  } else if (moment.monotonicMs - live.seenSavedMs >= seenEveryMs) {
    live.seenSavedMs = moment.monotonicMs;
    outcome.change({ id: live.id, lastSeenAt: live.lastSeenAt });
  }
}

const connectionReasons = {
  Online: "DeviceOnline",
  Stale: "DeviceStale",
  Offline: "DeviceOffline",
} as const satisfies Record<Connection, string>;

export function setConnection(
  live: LiveDevice,
  connection: Connection,
  message: string,
  outcome: Outcome,
  moment: Moment,
): void {
  if (live.connection === connection) return;
  live.connection = connection;
  live.seenSavedMs = moment.monotonicMs;
  const seen = live.lastSeenAt === 0 ? {} : { lastSeenAt: live.lastSeenAt };
  outcome.change({ id: live.id, connection, ...seen });
  outcome.touched.add(live.id);
  outcome.add(hubEvent(live.id, connectionReasons[connection], message, moment.now));
}

export function applyBeat(live: LiveDevice, beat: Beat, outcome: Outcome, moment: Moment): void {
  const savedBefore = live.seenSavedMs;
  heard(live, outcome, moment);
  const due = live.seenSavedMs !== savedBefore || outcome.changes.has(live.id);
  if (due && beat.host !== undefined) outcome.change({ id: live.id, hostHealth: beat.host });
  setBoot(live, beat.bootId, outcome);
  setHeartbeat(live, beat.heartbeatMs, outcome);
  setObserved(live, { ...beat, hash: beat.specHash }, outcome);
  refreshSync(live, outcome, moment);
}

export function applyReported(
  live: LiveDevice,
  reported: ReportedState,
  outcome: Outcome,
  moment: Moment,
): void {
  heard(live, outcome, moment);
  if (isOvertaken(reported, live.newestReport)) return;
  live.newestReport = saidBy(reported);
  const { sync, health } = statusOf(reported);
  setBoot(live, reported.bootId, outcome);
  setHeartbeat(live, reported.heartbeatMs, outcome);
  const { observedGeneration: generation, specHash: hash } = reported;
  setObserved(live, { ...saidBy(reported), generation, hash }, outcome);
  live.report = { generation: reported.observedGeneration, sync };
  outcome.change({ id: live.id, reported, lastSeenAt: live.lastSeenAt });
  outcome.touched.add(live.id);
  setLabels(live, reported, outcome);
  refreshSync(live, outcome, moment);
  setHealth(live, health, outcome, moment);
}

/** A will tells that one connection ended. It counts only for the boot that the hub knows: the late
 *  will of the boot before must not take a device offline that is already back. A will of the same boot
 *  that comes after a new connection is withheld by the broker, and otherwise put right by the next
 *  heartbeat. */
export function applyPresence(
  live: LiveDevice,
  presence: Presence,
  outcome: Outcome,
  moment: Moment,
): void {
  if (presence.state === "online") {
    heard(live, outcome, moment);
    setBoot(live, presence.bootId, outcome);
  } else if (presence.nextInMs !== undefined) {
    // It sleeps as it was told to; only a missed wake-up is silence.
    heard(live, outcome, moment);
    setHeartbeat(live, Math.max(live.heartbeatMs, presence.nextInMs), outcome);
  } else if (live.bootId === null || live.bootId === presence.bootId) {
    setConnection(live, "Offline", "the device's connection ended", outcome, moment);
  }
}

/** A journal shows that the device is there, and nothing else about its state. */
export function applyJournal(live: LiveDevice, outcome: Outcome, moment: Moment): void {
  heard(live, outcome, moment);
}

/** Silent for too long. */
export function applySilence(live: LiveDevice, outcome: Outcome, moment: Moment): void {
  if (live.connection !== "Online") return;
  const message = `no heartbeat for three times ${live.heartbeatMs} ms`;
  setConnection(live, "Stale", message, outcome, moment);
}

function setBoot(live: LiveDevice, bootId: string, outcome: Outcome): void {
  if (live.bootId === bootId) return;
  live.bootId = bootId;
  outcome.change({ id: live.id, bootId });
}

function setHeartbeat(live: LiveDevice, heartbeatMs: number, outcome: Outcome): void {
  if (live.heartbeatMs === heartbeatMs) return;
  live.heartbeatMs = heartbeatMs;
  outcome.change({ id: live.id, heartbeatMs });
}

function setObserved(
  live: LiveDevice,
  observed: Said & { generation: number; hash: string },
  outcome: Outcome,
): void {
  const { generation, hash } = observed;
  if (isOvertaken(observed, live.newestObserved)) return;
  live.newestObserved = saidBy(observed);
  if (live.observedGeneration === generation && live.observedHash === hash) return;
  live.observedGeneration = generation;
  live.observedHash = hash;
  outcome.change({ id: live.id, observedGeneration: generation, observedHash: hash });
  outcome.touched.add(live.id);
  if (isAhead(live, generation, hash)) outcome.unsettled.add(live.id);
}

/** The device has what this hub never gave out: the hub was restored from an older copy. Until it numbers
 *  higher, the device refuses what it wants. */
function isAhead(live: LiveDevice, generation: number, hash: string): boolean {
  const { desiredGeneration, desiredHash } = live;
  if (generation === 0 || generation < desiredGeneration) return false;
  return generation > desiredGeneration || hash !== desiredHash;
}

function setLabels(live: LiveDevice, { labels }: ReportedState, outcome: Outcome): void {
  if (canonicalJson(live.agentLabels) === canonicalJson(labels)) return;
  live.agentLabels = labels;
  outcome.change({ id: live.id, agentLabels: labels });
  outcome.unsettled.add(live.id);
}

/** Derives sync anew, after anything it rests on has changed. */
export function refreshSync(live: LiveDevice, outcome: Outcome, moment: Moment): void {
  const sync = deriveSync(live);
  if (live.sync === sync) return;
  live.sync = sync;
  outcome.change({ id: live.id, sync });
  outcome.touched.add(live.id);
  if (sync === "Unknown") return;
  const [reason, message] =
    sync === "Synced"
      ? (["DeviceSynced", `generation ${live.desiredGeneration} is live`] as const)
      : (["DeviceOutOfSync", `generation ${live.desiredGeneration} is not live yet`] as const);
  outcome.add(hubEvent(live.id, reason, message, moment.now));
}

function setHealth(live: LiveDevice, health: HealthStatus, outcome: Outcome, moment: Moment): void {
  if (live.health === health) return;
  live.health = health;
  outcome.change({ id: live.id, health });
  if (health === "Degraded" && !live.degraded) {
    live.degraded = true;
    outcome.add(hubEvent(live.id, "DeviceDegraded", "an app is Degraded", moment.now));
  } else if (health === "Healthy" && live.degraded) {
    live.degraded = false;
    outcome.add(hubEvent(live.id, "DeviceRecovered", "every app is Healthy again", moment.now));
  }
}
