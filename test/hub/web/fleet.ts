// A fleet with something of everything, for tests and pictures of the pages.
import type { NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import {
  addDevice,
  addJournal,
  appReport,
  commitOf,
  revision,
  revisionOf,
  updateEntries,
} from "#test/hub/api/fixtures.ts";
import { enrol, type World } from "#test/hub/api/world.ts";

export const refusal =
  "roles/player/compose.yaml:14: services.player.ports: must be a list of strings or mappings";

export async function addFleet(world: World): Promise<void> {
  const now = world.clock.now();
  const labels = (site: string, role: string) => ({ site, role, segment: "stable" });
  for (const id of ["north-1", "north-2", "north-3"]) {
    const apps = [appReport("player"), appReport("telemetry")];
    await addDevice(world, id, { labels: labels("north", "player"), apps });
  }
  const failure = {
    code: "unhealthy",
    message:
      "service player answered 500 on http://127.0.0.1:8080/healthz for 60 s, so release 9c1e was rolled back",
    hint: "Read the service's log on the device, then push a commit that mends it.",
    at: now - 240_000,
  };
  const held = appReport("player", {
    sync: "OutOfSync",
    health: "Degraded",
    target: revision("second"),
    quarantined: [revisionOf("second")],
    failure,
  });
  await addDevice(world, "south-1", {
    labels: labels("south", "player"),
    apps: [held, appReport("telemetry")],
  });
  const pulling = appReport("player", {
    sync: "OutOfSync",
    health: "Progressing",
    target: revision("second"),
    step: "pull",
    progress: 0.43,
  });
  await addDevice(world, "south-2", { labels: labels("south", "player"), apps: [pulling] });
  await addDevice(world, "west-1", { labels: labels("west", "robot"), offline: true });
  await enrol(world, "west-2", { role: "robot" });
  await addHistory(world, "south-1" as DeviceId);
  const main = { branch: "main", head: commitOf("broken"), accepted: commitOf("first") };
  await world.store.saveBranch({ ...main, refusal, checkedAt: now - 9000 });
  const staging = { branch: "staging", head: commitOf("second"), accepted: commitOf("second") };
  await world.store.saveBranch({ ...staging, refusal: null, checkedAt: now - 9000 });
}

async function addHistory(world: World, device: DeviceId): Promise<void> {
  const now = world.clock.now();
  const host = {
    cpu: 0.31,
    load1: 0.8,
    memoryUsedBytes: 1.4e9,
    memoryTotalBytes: 4.1e9,
    diskUsedBytes: 21e9,
    diskTotalBytes: 62e9,
    temperatureC: 54,
    uptimeSeconds: 86_400 * 9,
  };
  await world.store.changeDevices([{ id: device, hostHealth: host }]);
  const steps = ["fetch", "verify", "stage", "validate", "pull", "swap", "start", "probe"];
  await addJournal(world, device, [
    ...updateEntries({
      attempt: "u1",
      fromSeq: 1,
      app: "player",
      steps: [...steps, "commit"],
      outcome: "succeeded",
      at: now - 86_400_000,
    }),
    ...updateEntries({
      attempt: "u2",
      fromSeq: 12,
      app: "player",
      release: "second",
      steps: [...steps, "rollBack"],
      outcome: "rolledBack",
      at: now - 300_000,
    }),
    ...updateEntries({
      attempt: "u3",
      fromSeq: 23,
      app: "telemetry",
      steps: ["fetch", "verify"],
      at: now - 4000,
    }),
  ]);
  const event = (ageMs: number, over: Partial<NewEvent>): NewEvent => {
    const base = { device, app: "player", source: "device", type: "Normal" } as const;
    return {
      ...base,
      at: now - ageMs,
      reason: "AppHealthy",
      message: "player is Healthy",
      ...over,
    };
  };
  await world.store.addEvents([
    event(86_000_000, {}),
    event(240_000, {
      type: "Warning",
      reason: "ReleaseQuarantined",
      message: "release 9c1e of player is not tried again here",
    }),
    event(100_000, {
      app: null,
      source: "hub",
      reason: "DeviceOnline",
      message: "the device is connected",
    }),
  ]);
}

/** Three sites after a commit whose robots end at once: each device is back on what it had. */
export async function addFailedCommit(world: World): Promise<void> {
  const now = world.clock.now();
  for (const [at, site] of ["north", "south", "harbour"].entries()) {
    const message = `robot-${at + 1} crashed 3 times`;
    const robots = appReport("robots", {
      ...{ sync: "OutOfSync", target: revision("second"), quarantined: [revisionOf("second")] },
      failure: { code: "crash_loop", message, at: now - 20_000 },
    });
    const preview = { ...revision("third"), branch: "staging" };
    const signage =
      site === "harbour"
        ? appReport("signage-preview", { current: preview })
        : appReport("signage");
    await addDevice(world, `pi-${at + 1}`, { labels: { site }, apps: [robots, signage] });
  }
  const taken = { refusal: null, checkedAt: now - 9000 };
  const main = { branch: "main", head: commitOf("second"), accepted: commitOf("second") };
  await world.store.saveBranch({ ...main, ...taken });
  const staging = { branch: "staging", head: commitOf("third"), accepted: commitOf("third") };
  await world.store.saveBranch({ ...staging, ...taken });
}
