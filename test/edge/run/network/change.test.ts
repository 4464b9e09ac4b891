// A change of the network with a real guard process: kept when it is confirmed, taken back when it is not.
import * as assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createNetworkChange } from "#edge/run/network/change.ts";
import { livingGuard } from "#edge/run/network/identity.ts";
import type { NetworkChange } from "#edge/run/port.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run network change", { limitMs: 60_000 });

/** Stands for the driver of a network: what is so stands in one file. */
const driver = `#!/bin/sh
case "$2" in
  save) cat "$1" ;;
  apply | restore) cat > "$1.new" && mv "$1.new" "$1" ;;
esac
`;

interface Place {
  change(bootId?: string): NetworkChange;
  settings(): string;
  guard(): number | undefined;
  guardedFor(confirmMs: number): Promise<void>;
  until(is: string): Promise<void>;
}

function within(body: (place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "fleet-network-"));
    const at = (name: string): string => join(directory, name);
    writeFileSync(at("driver"), driver, { mode: 0o755 });
    writeFileSync(at("settings"), "former");
    writeFileSync(at("boot-id"), "boot-1\n");
    const change = (bootId = "boot-1"): NetworkChange =>
      createNetworkChange({
        directory: at("change"),
        command: [at("driver"), at("settings")],
        ...{ bootId, bootIdFile: at("boot-id"), clock },
      });
    const guard = (): number | undefined => livingGuard(at("change/guard.json"));
    const calls = { signal: new AbortController().signal, onOutput: () => undefined };
    try {
      await body({
        ...{ change, guard },
        settings: () => readFileSync(at("settings"), "utf8"),
        guardedFor: async (confirmMs) => {
          await change().guard({ ...calls, confirmMs });
          await change().apply({ interface: "eth0", method: "dhcp" }, calls);
        },
        until: async (is) => {
          while (change().state().is !== is) await wait(50);
        },
      });
    } finally {
      const pid = guard();
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  };
}

test(
  "keeps what was confirmed in time, and nothing takes it back afterwards",
  within(async ({ change, settings, guard, guardedFor }) => {
    await guardedFor(3_600_000);
    assert.equal(change().state().is, "guarded");
    assert.match(settings(), /dhcp/);
    assert.ok(change().confirm());
    while (guard() !== undefined) await wait(50);
    change().giveUp();
    assert.equal(change().state().is, "confirmed");
    assert.match(settings(), /dhcp/);
  }),
);

test(
  "puts back what was when nobody confirms, and a late confirmation changes nothing",
  within(async ({ change, settings, guardedFor, until }) => {
    await guardedFor(500);
    await until("returned");
    assert.equal(settings(), "former");
    assert.equal(change().confirm(), false);
    assert.equal(settings(), "former");
  }),
);

test(
  "puts back what was at once when it is given up, though the guard was killed",
  within(async ({ change, settings, guard, guardedFor, until }) => {
    await guardedFor(3_600_000);
    process.kill(guard() ?? 0, "SIGKILL");
    while (guard() !== undefined) await wait(20);
    assert.match(settings(), /dhcp/);
    change().giveUp();
    await until("returned");
    assert.equal(settings(), "former");
  }),
);
