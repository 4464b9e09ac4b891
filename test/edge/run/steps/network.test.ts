// The step configureNetwork on a real machine: what was before comes back, whatever fails or dies on the way.
import * as assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createTasks } from "#edge/agent/tasks.ts";
import { createMachine } from "#edge/run/machine.ts";
import { livingGuard } from "#edge/run/network/identity.ts";
import type { StepContext, Verdict } from "#edge/run/port.ts";
import { createNetworkStep } from "#edge/run/steps/network.ts";
import type { StepParts } from "#edge/run/steps/parts.ts";
import { systemClock as clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { kill } from "#test/support/kill.ts";

const test = suite("edge/run step configureNetwork");

/** What is so stands in one file; nothing is put back while there is another beside it. */
const driver = `#!/bin/sh
case "$2" in
  save) cat "$1" ;;
  apply) cat > "$1.new" && mv "$1.new" "$1" ;;
  restore) [ ! -e "$1.stuck" ] && cat > "$1.new" && mv "$1.new" "$1" ;;
esac
`;
const network = { interface: "eth0", method: "dhcp" } as const;
const limits = { timeoutMs: 60_000, retries: 1 };
const step = { kind: "configureNetwork", network, confirmMs: 3_600_000, ...limits } as const;

interface Try {
  act(): Promise<Verdict>;
  stop(): Promise<Verdict | undefined>;
  /** Until the new settings wait to be confirmed. */
  applied(): Promise<void>;
  state(): string;
  waits(): string;
  guard(): number | undefined;
}

interface Place {
  attempt(key: string): Try;
  settings(): string;
  stick(isStuck: boolean): void;
  /** The hub has everything, or nothing from now on. */
  reach(isReached: boolean): void;
  events(): string[];
}

function within(body: (place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "fleet-net-step-"));
    const at = (name: string): string => join(directory, name);
    writeFileSync(at("driver"), driver, { mode: 0o755 });
    writeFileSync(at("settings"), "former");
    writeFileSync(at("boot-id"), "boot-1\n");
    const machine = createMachine({
      ...{ device: "pi-1" as DeviceId, directory: at("runs"), reboot: ["true"] },
      ...{ network: [at("driver"), at("settings")], clock },
      ...{ bootId: "boot-1", bootIdFile: at("boot-id"), againMs: 20 },
    });
    const events: string[] = [];
    let isReached = false;
    const append = ({ body }: { body: { reason: string } }) => events.push(body.reason);
    const journal = { append, acknowledged: () => (isReached ? events.length : 0) };
    const tasks = createTasks(() => undefined);
    const parts = { journal, machine, sync: { journalGrew: () => undefined } };
    const executor = createNetworkStep({ parts, tasks } as unknown as StepParts);
    const keys = new Set<string>();
    const guardOf = (key: string) => livingGuard(at(`runs/${key}/guard.json`));
    const attempt = (key: string): Try => {
      keys.add(key);
      const marks: StepContext["trying"]["marks"] = {};
      let waits = "";
      const context = {
        ...{ step, key, trying: { marks }, onOutput: () => undefined, say: () => undefined },
        mark: (more: object) => void Object.assign(marks, more),
        waitsFor: (text: string) => {
          waits = text;
        },
      } as unknown as Parameters<typeof executor.act>[0];
      return {
        act: () => executor.act(context),
        stop: async () => executor.stop?.(context),
        applied: async () => {
          while (marks.provedBy === undefined) {
            await executor.act(context);
            await wait(50);
          }
        },
        state: () => machine.networkChange(key).state().is,
        waits: () => waits,
        guard: () => guardOf(key),
      };
    };
    const stick = (isStuck: boolean): void => {
      if (isStuck) writeFileSync(at("settings.stuck"), "");
      else rmSync(at("settings.stuck"));
    };
    try {
      const settings = () => readFileSync(at("settings"), "utf8");
      const reach = (now: boolean): void => {
        isReached = now;
      };
      await body({ attempt, stick, settings, reach, events: () => events });
    } finally {
      await tasks.stop();
      const guards = [...keys].map(guardOf);
      for (const pid of guards) kill(pid);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await wait(50);
}

test(
  "another try begins when the former settings are back, and so never takes the broken ones for them",
  within(async ({ attempt, settings, stick }) => {
    const first = attempt("run-0-1");
    await first.applied();
    stick(true);
    assert.equal(await first.stop(), "acting");
    const second = attempt("run-0-2");
    assert.equal(await second.act(), "acting");
    assert.match(second.waits(), /the former settings .* after an earlier change/);
    await wait(1000);
    assert.deepEqual([await second.act(), second.state()], ["acting", "none"]);
    stick(false);
    await second.applied();
    assert.match(settings(), /dhcp/);
    assert.equal(await second.stop(), "acting");
    await until(() => second.state() === "returned");
    assert.equal(settings(), "former");
  }),
);

test(
  "a guard that is killed while it puts back what was is replaced",
  within(async ({ attempt, settings, stick }) => {
    const one = attempt("run-0-1");
    await one.applied();
    stick(true);
    assert.equal(await one.stop(), "acting");
    await until(() => one.guard() !== undefined);
    kill(one.guard());
    await until(() => one.guard() === undefined);
    stick(false);
    assert.equal(await one.act(), "acting");
    await until(() => one.state() === "returned");
    assert.equal(settings(), "former");
  }),
);

test(
  "what cannot be put back is given up once the hub answers over what there is, and the next change begins",
  within(async ({ attempt, settings, stick, reach, events }) => {
    const first = attempt("run-0-1");
    await first.applied();
    stick(true);
    assert.equal(await first.stop(), "acting");
    const next = attempt("run-1-1");
    while (!events().includes("NetworkNotRestored")) {
      await next.act();
      await wait(50);
    }
    await next.act();
    assert.deepEqual([first.state(), next.state()], ["returning", "none"], "the hub is silent");
    assert.notEqual(first.guard(), undefined);

    reach(true);
    while (first.state() !== "left") {
      await next.act();
      await wait(50);
    }
    reach(false);
    assert.equal(events().at(-1), "NetworkKept");
    stick(false);
    await until(() => first.guard() === undefined);
    assert.match(settings(), /dhcp/, "what works is left alone");
    await next.applied();
    assert.equal(await next.stop(), "acting");
    await until(() => next.state() === "returned");
    assert.match(settings(), /dhcp/, "what was so before the next change");
  }),
);
