// Situations of a running device, and the first cause that it tells of each.
import * as assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { askApp, lockFile } from "#edge/release/hold.ts";
import type { AppSpec } from "#shared/desired.ts";
import { type ErrorCode, FleetError } from "#shared/errors.ts";
import type { Cause } from "#shared/reported.ts";
import { suite } from "#test/suite.ts";
import { serving, withProbe } from "./serving.ts";
import { toldBy } from "./told.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: why it is not converged");

interface Situation {
  arrange(world: World): Promise<unknown>;
  /** `Reason: words` of each link of the chain, the nearest cause first. */
  chain: RegExp[];
}

/** Release a serves, and b is wanted. */
async function updating(world: World, change: Partial<AppSpec> = {}): Promise<void> {
  await serving(world);
  world.wish([{ ...world.hub.spec("web", { letter: "b" }), ...change }]);
}

async function pulling(world: World, code: ErrorCode, message: string): Promise<void> {
  await serving(world);
  world.runtime.fail("pull", new FleetError(code, { message }));
  world.want({ letter: "b" });
}

/** Nothing listens there. */
const nobody = (): Promise<Response> => fetch("http://127.0.0.1:1/");
const unreached = { connected: false, via: "none", lastContactMonotonicMs: 1 } as const;

async function outOfReach(world: World, isolated: boolean): Promise<void> {
  await serving(world);
  world.hub.misbehave(nobody);
  world.link = { ...unreached, isolated, problem: "hub:1883 cannot be reached" };
  world.want({ letter: "b" });
}

/** The real disk, of which this agent may take nothing. */
async function onShortDisk(world: World): Promise<void> {
  await serving(world);
  await world.stop();
  world.reserveBytes = 1e18;
  world.want({ letter: "b" });
  world.start();
}

async function lockedByItsFile(world: World): Promise<void> {
  const file = lockFile(join(world.directory, "run"), "web" as AppSpec["name"]);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "");
  const { signal } = new AbortController();
  world.ask = (staged) => askApp(staged, { runDirectory: join(world.directory, "run"), signal });
  await updating(world);
}

/** A file of the release is another one, and neither its bundle nor the hub is there to restore it. */
async function damaged(world: World): Promise<void> {
  world.caring = true;
  await serving(world);
  world.hub.misbehave(nobody);
  rmSync(join(world.directory, "bundles"), { recursive: true });
  const content = join(world.directory, "apps/web/current/content/compose.yaml");
  writeFileSync(content, "services: {}");
  world.runtime.change("web", 1, { state: "exited", exitCode: 1 });
}

/** Somebody stops the copy again as soon as it runs. */
async function stoppedAgainAndAgain(world: World): Promise<void> {
  await serving(world);
  const isDamped = (): boolean => world.app()?.why?.[0]?.reason === "RepairDamped";
  for (let times = 0; times < 5; times += 1) {
    world.runtime.change("web", 1, { state: "exited", exitCode: 137 });
    await world.until(
      "a repair, or its delay",
      () => isDamped() || world.app()?.health === "Healthy",
    );
    await world.passed(400);
  }
  world.runtime.change("web", 1, { state: "exited", exitCode: 137 });
}

const situations: Record<string, Situation> = {
  "a registry that does not answer": {
    arrange: (world) => pulling(world, "registry_unreachable", "registry:5000 does not answer"),
    chain: [/^RegistryUnreachable: registry:5000 does not answer$/],
  },
  "an image that is not there": {
    arrange: (world) => pulling(world, "image_missing", "web:1 is not in the registry"),
    chain: [
      /^Quarantined: release [0-9a-f]{12} failed here and is not tried again$/,
      /^ImageMissing: web:1 is not in the registry$/,
    ],
  },
  "a disk without room": {
    arrange: onShortDisk,
    chain: [/^DiskShort: the disk is short by \d+ MB for release [0-9a-f]{12}/],
  },
  "a hub that is away": {
    arrange: (world) => outOfReach(world, false),
    chain: [/^BundleUnreachable: /, /^HubUnreachable: hub:1883 cannot be reached$/],
  },
  "a hub that was not heard for long": {
    arrange: (world) => outOfReach(world, true),
    chain: [/^BundleUnreachable: /, /^Isolated: the hub has not been heard for long: hub:1883/],
  },
  "no wish yet, and no hub": {
    arrange: async (world) => {
      world.link = { ...unreached, isolated: true, problem: "hub:1883 cannot be reached" };
      world.start();
    },
    chain: [/^NoDesiredState: no desired state has arrived yet$/, /^Isolated: /],
  },
  "an app that holds its update by its lock file": {
    arrange: lockedByItsFile,
    chain: [/^HeldByApp: the app holds its update: .*\/run\/web\/lock exists$/],
  },
  "a time outside the maintenance window": {
    arrange: (world) =>
      updating(world, {
        rules: { windows: [{ days: ["tue"], from: "02:00", to: "03:00" }], maxHoldMs: 0 },
      }),
    chain: [/^WindowClosed: the maintenance window opens at 2027-01-19 02:00 UTC$/],
  },
  "a version lock": {
    arrange: (world) => updating(world, { rules: { lock: { reason: "audit" }, maxHoldMs: 0 } }),
    chain: [/^VersionLocked: locked: audit$/],
  },
  "a release that does not start": {
    arrange: async (world) => {
      await serving(world);
      world.behave("b", { kind: "exits", code: 3 });
      world.want({ letter: "b" });
    },
    chain: [
      /^Quarantined: release [0-9a-f]{12} failed here/,
      /^StartFailed: web-1 ended with exit code 3$/,
    ],
  },
  "a wrong value in the Compose file": {
    arrange: async (world) => {
      await serving(world);
      const compose = 'services:\n  web:\n    image: web:1\n    ports: ["${PORT}:80"]\n';
      world.want({ letter: "b", compose, values: { PORT: "eighty" } });
    },
    chain: [/^Quarantined: release/, /^ComposeInvalid: .*eighty/],
  },
  "safe mode by hand": {
    arrange: async (world) => {
      await updating(world, { rules: { lock: { reason: "audit" }, maxHoldMs: 0 } });
      world.agent().safeMode.enter("the motor is being changed");
    },
    chain: [
      /^SafeMode: the device is in safe mode: .*the motor is being changed/,
      /^VersionLocked: /,
    ],
  },
  "mode hold": {
    arrange: async (world) => {
      await serving(world);
      world.wish([world.hub.spec("web", { letter: "b" })], "hold");
    },
    chain: [/^OnHold: the fleet holds this device$/],
  },
  "a damaged release that nothing can restore": {
    arrange: damaged,
    chain: [/^ReleaseUnreadable: .*compose\.yaml/],
  },
  "a service that keeps drifting": {
    arrange: stoppedAgainAndAgain,
    chain: [
      /^RepairDamped: web drifted again soon after each of \d repairs; the next one in \d+ s$/,
      /^ServiceUnhealthy: web has 0 of 1 healthy copies: web-1 is exited with exit code 137$/,
    ],
  },
  "a runtime that does not answer": {
    arrange: async (world) => {
      await serving(world);
      const error = new FleetError("runtime_unavailable", { message: "the Engine is silent" });
      world.runtime.fail("observe", error);
    },
    chain: [/^RuntimeNotAnswering: the Engine is silent$/],
  },
  "a probe that fails while the release is on trial": {
    arrange: async (world) => {
      await serving(world);
      world.probes = (letter) => [{ probe: "http", ok: letter !== "b", detail: "answered 503" }];
      world.want({ letter: "b", role: withProbe, policy: { gracePeriodMs: 8e7, stableMs: 600 } });
    },
    chain: [/^OnTrial: on trial for 80000 s at most, \d+ s left: .*answered 503/],
  },
};

for (const [name, { arrange, chain }] of Object.entries(situations)) {
  test(
    `${name}: page and report name it first`,
    within(async (world) => {
      await arrange(world);
      const [first] = chain;
      assert.ok(first);
      const nearest = (): string => wordsOf((firstApp(world) ?? world.agent().why())[0]);
      await world.until("a first report", () => world.reports.length > 0);
      await world.until(first.source, () => first.test(nearest()));
      const told = (await toldBy(world)).map(wordsOf);
      assert.equal(told.length, chain.length, told.join(" <- "));
      for (const [at, link] of chain.entries()) assert.match(told[at] ?? "", link);
    }),
  );
}

function firstApp(world: World): readonly Cause[] | undefined {
  return world.app() === undefined ? undefined : (world.app()?.why ?? []);
}

function wordsOf(cause: Cause | undefined): string {
  return cause === undefined ? "" : `${cause.reason}: ${cause.message}`;
}
