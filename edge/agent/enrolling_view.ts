// What the local API shows while the device has no identity yet: mainly why it still has none.
import type { Journal } from "#edge/journal/port.ts";
import type { LocalStatus } from "#edge/page/status.ts";
import type { Clock } from "#shared/clock.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";

/** What the local API reads, before and after the loop has begun. */
export interface LocalView {
  status(): LocalStatus;
  /** Ms since boot of the last sign of life. */
  lastAliveMs(): number;
}

export interface EnrollingView extends LocalView {
  /** A try has failed, and the next will come. */
  note(reason: string): void;
}

export function createEnrollingView(options: {
  device: DeviceId;
  hostname: () => string;
  labels: () => Labels;
  hubUrl: string;
  journal: Pick<Journal, "bootId" | "unacknowledged">;
  clock: Clock;
  agentVersion: string;
}): EnrollingView {
  const { device, hostname, labels, hubUrl, journal, clock, agentVersion } = options;
  const startedAt = clock.now();
  let reason = `asking the hub ${hubUrl}`;
  let lastAliveMs = clock.monotonicMs();
  return {
    note: (why) => {
      reason = why;
      lastAliveMs = clock.monotonicMs();
    },
    lastAliveMs: () => lastAliveMs,
    status: () => ({
      ...{ device, hostname: hostname(), labels: labels(), agentVersion },
      ...{ bootId: journal.bootId, startedAt, at: clock.now() },
      ...{ generation: 0, specHash: "", mode: "run", sync: "Unknown", health: "Unknown" },
      connection: { connected: false, via: "none", problem: `enrolling: ${reason}` },
      ...{ runtimes: [], apps: [], conditions: [], updates: [] },
      journalUnacknowledged: journal.unacknowledged(),
      enrolling: reason,
    }),
  };
}
