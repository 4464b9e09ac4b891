// A change of the network with a real guard process: kept when it is confirmed, taken back when it is not.
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createNetworkChange } from "#edge/run/network/change.ts";
import { livingGuard } from "#edge/run/network/identity.ts";
import type { NetworkChange } from "#edge/run/port.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run network change");

const changeModule = "#edge/run/network/change.ts";

/** Stands for the driver of a network: what is so stands in one file. */
const driver = `#!/bin/sh
case "$2" in
  save) cat "$1" ;;
  apply)
    [ -e "$1.slow" ] && sleep 8
    cat > "$1.new" && mv "$1.new" "$1" ;;
  restore)
    echo restore >> "$1.calls"
    cat > "$1.new" && mv "$1.new" "$1"
    at="\${1%/*}"
    if [ -e "$1.noteless" ]; then
      mv "$at/change" "$at/away"
      setsid sh -c "rm '$1.noteless'; sleep 2; mv '$at/away' '$at/change'" >/dev/null 2>&1 &
      while [ -e "$1.noteless" ]; do sleep 0.1; done
    fi ;;
esac
`;

interface Place {
  change(bootId?: string): NetworkChange;
  settings(): string;
  guard(): number | undefined;
  /** Returns when it is dead. */
  killGuard(): Promise<void>;
  guardedFor(confirmMs: number): Promise<void>;
  until(is: string): Promise<void>;
  /** Applying takes eight seconds. */
  slow(): void;
  /** For two seconds nobody can note that the former settings are back. */
  noteless(): void;
  restores(): number;
  /** What the agent keeps of the change is cleared away. */
  clear(): void;
  isKept(): boolean;
  /** Starts one more guard, and waits for its end. */
  guardBeside(): Promise<void>;
  reboot(bootId: string): Promise<void>;
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
    const killGuard = async (): Promise<void> => {
      const pid = guard();
      assert.ok(pid !== undefined);
      process.kill(pid, "SIGKILL");
      while (guard() !== undefined) await wait(20);
    };
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
        slow: () => writeFileSync(at("settings.slow"), ""),
        noteless: () => writeFileSync(at("settings.noteless"), ""),
        restores: () => readFileSync(at("settings.calls"), "utf8").trim().split("\n").length,
        clear: () => rmSync(at("change"), { recursive: true }),
        isKept: () => existsSync(at("change")),
        guardBeside: async () => {
          const main = fileURLToPath(new URL("./guard.ts", import.meta.resolve(changeModule)));
          await once(spawn(process.execPath, [main, at("change")]), "exit");
        },
        killGuard,
        reboot: async (bootId) => {
          await killGuard();
          writeFileSync(at("boot-id"), `${bootId}\n`);
        },
      });
    } finally {
      while (guard() !== undefined) await killGuard().catch(() => undefined);
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
    await guardedFor(10_000);
    await until("returned");
    assert.equal(settings(), "former");
    assert.equal(change().confirm(), false);
    assert.equal(settings(), "former");
  }),
);

test(
  "puts back what was at once when it is given up, though the guard was killed",
  within(async ({ change, settings, killGuard, guardedFor, until }) => {
    await guardedFor(3_600_000);
    await killGuard();
    assert.match(settings(), /dhcp/);
    change().giveUp();
    await until("returned");
    assert.equal(settings(), "former");
  }),
);

test(
  "stays confirmed though what was kept of it is cleared away at once",
  within(async ({ change, settings, guard, guardedFor, clear, isKept }) => {
    await guardedFor(15_000);
    const pid = guard();
    assert.ok(pid !== undefined);
    await wait(1000);
    assert.ok(change().confirm());
    clear();
    while (existsSync(`/proc/${pid}`)) await wait(50);
    assert.match(settings(), /dhcp/);
    assert.equal(isKept(), false);
  }),
);

test(
  "an apply that is still under way when the time is over does not outlast the former settings",
  within(async ({ settings, slow, guardedFor, until }) => {
    slow();
    const applied = guardedFor(5000).catch(() => undefined);
    await until("returned");
    await applied;
    await wait(9000);
    assert.equal(settings(), "former");
  }),
);

test(
  "applies nothing in another boot, and puts back what was",
  within(async ({ change, settings, reboot, slow, guardedFor, until }) => {
    await guardedFor(3_600_000);
    await reboot("boot-2");
    slow();
    const calls = { signal: new AbortController().signal, onOutput: () => undefined };
    const next = change("boot-2");
    // Its guard has nothing to wait for, and may have done its work before anyone has seen it.
    await next.guard({ ...calls, confirmMs: 3_600_000 }).catch(() => undefined);
    await assert.rejects(next.apply({ interface: "eth0", method: "dhcp" }, calls));
    await until("returned");
    assert.equal(settings(), "former");
  }),
);

test(
  "a guard that the boot has ended is replaced, and the next one puts back what was",
  within(async ({ change, settings, reboot, guardedFor, until }) => {
    await guardedFor(3_600_000);
    await reboot("boot-2");
    change("boot-2").ensureGuard();
    await until("returned");
    assert.equal(settings(), "former");
  }),
);

test(
  "a guard that starts beside a living one leaves the change to it",
  within(async ({ settings, guard, guardedFor, guardBeside }) => {
    await guardedFor(3_600_000);
    const pid = guard();
    await guardBeside();
    assert.equal(guard(), pid);
    assert.match(settings(), /dhcp/);
  }),
);

test(
  "puts back what was once, though it could not be noted at first",
  within(async ({ change, settings, noteless, restores, guardedFor, until }) => {
    await guardedFor(3_600_000);
    noteless();
    change().giveUp();
    await until("returned");
    assert.deepEqual([settings(), restores()], ["former", 1]);
  }),
);
