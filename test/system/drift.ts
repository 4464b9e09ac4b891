// Looks at a device whose workloads or files are changed behind its agent's back: what it says, and what it does.
import * as assert from "node:assert/strict";
import type { LocalStatus } from "#edge/page/status.ts";
import type { TestFleet } from "#test/support/running_fleet.ts";

/** What is done to the device, and what must come of it. */
export interface Drift {
  act: () => void | Promise<void>;
  /** Whether what was changed is as it should be again. */
  isMended: () => boolean | Promise<boolean>;
  /** Words of the one event that tells what was found. */
  found: RegExp;
  /** Whether this copy, as `copies` has it, is the one that starts anew; by default none does. */
  restarts?: (copy: string) => boolean;
}

/** A look at each of `npm start`'s agents, and what a busy machine adds to it. */
const intervalMs = 5000;
const slackMs = 20_000;

export interface DriftWatch {
  device: string;
  status(): Promise<LocalStatus>;
  /** Entries since the mark, the oldest first. */
  told(kind: string, sinceSeq: number): Promise<{ reason: string; message: string; at: number }[]>;
  mark(): Promise<number>;
  /** `app/service-number`, id and start of each copy. */
  copies(): Promise<string[]>;
  /** Makes the drift, waits for the repair, and checks what was told and what was left alone. */
  heals(drift: Drift): Promise<void>;
}

export function watchDrift(fleet: TestFleet): DriftWatch {
  const device = fleet.fleet.devices[0] ?? "";
  const status = async (): Promise<LocalStatus> =>
    (await fetch(`http://127.0.0.1:${fleet.pagePort}/v1/status`)).json() as Promise<LocalStatus>;
  const mark = async (): Promise<number> => (await status()).events?.[0]?.seq ?? 0;
  const told: DriftWatch["told"] = async (kind, sinceSeq) => {
    const { events = [] } = await status();
    return events
      .filter((entry) => entry.kind === kind && entry.seq > sinceSeq)
      .map(({ body, at }) => ({
        reason: words(body["reason"]),
        message: words(body["message"]),
        at,
      }))
      .toReversed();
  };
  const copies = async (): Promise<string[]> =>
    (await status()).apps
      .flatMap(({ name: app, services }) =>
        services.flatMap(({ name, instances }) =>
          instances.map(({ id, index, startedAt }) => `${app}/${name}-${index} ${id} ${startedAt}`),
        ),
      )
      .sort();
  const isWell = async (): Promise<boolean> => {
    const { apps } = await status();
    return apps.every(({ sync, health }) => sync === "Synced" && health === "Healthy");
  };

  return {
    ...{ device, status, told, mark, copies },
    heals: async ({ act, isMended, found, restarts = () => false }) => {
      await fleet.until("a device that is well", isWell);
      const [before, since, from] = [await copies(), await mark(), Date.now()];
      await act();
      const repaired = await fleet.until("the repair", async () => {
        const [entry] = await told("drift.repaired", since);
        return (await isMended()) && entry;
      });
      await fleet.until("health", isWell);
      const tookMs = repaired.at - from;
      assert.ok(tookMs < intervalMs + slackMs, `repaired after ${tookMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, intervalMs * 1.5));
      const drifts = await told("drift.found", since);
      assert.equal(drifts.length, 1, JSON.stringify(drifts));
      assert.match(drifts[0]?.message ?? "", found);
      assert.equal((await told("drift.repaired", since)).length, 1);
      const after = await copies();
      const stay = before.filter((copy) => !restarts(copy));
      assert.deepEqual(
        stay.filter((copy) => !after.includes(copy)),
        [],
        "something else was restarted",
      );
      assert.equal(after.length, before.length);
    },
  };
}

function words(value: unknown): string {
  return typeof value === "string" ? value : "";
}
