// A small fleet for tests of the command: a device that is well, one behind and one offline.
import type { DeviceId } from "#shared/ids.ts";
import {
  addDevice,
  addJournal,
  appReport,
  commitOf,
  digestOf,
  releaseRow,
  revision,
  updateEntries,
} from "#test/hub/api/fixtures.ts";
import type { World } from "#test/hub/api/world.ts";

const behind = appReport("web", {
  sync: "OutOfSync",
  health: "Degraded",
  step: "pull",
  progress: 0.4,
  target: revision("second"),
  failure: { code: "update_held", message: "the maintenance window is closed until 22:00", at: 1 },
  why: [
    { reason: "WindowClosed", message: "the maintenance window is closed until 22:00" },
    { reason: "HeldByApp", message: "the app holds its lock\u001B[2J" },
  ],
});

/** pi-1 is well, pi-2 is behind, pi-3 is offline; with an update, events, a release and a deployment. */
export async function addThreeDevices(world: World): Promise<void> {
  await addDevice(world, "pi-1", { labels: { site: "north", role: "player" } });
  await addDevice(world, "pi-2", { labels: { site: "south" }, apps: [behind] });
  await addDevice(world, "pi-3", { labels: { site: "south" }, offline: true });
  const pi1 = "pi-1" as DeviceId;
  const entries = updateEntries({
    ...{ attempt: "a1", fromSeq: 1, steps: ["fetch", "probe"], outcome: "rolledBack" },
    at: Date.now() - 60_000,
  });
  await addJournal(world, pi1, entries);
  const event = { app: null, source: "hub", device: pi1 } as const;
  await world.store.addEvents([
    { ...event, at: Date.now() - 7_200_000, type: "Normal", reason: "Old", message: "long ago" },
    {
      ...event,
      at: Date.now() - 1000,
      type: "Warning",
      reason: "UpdateFailed",
      message: "it failed",
    },
  ]);
  await world.store.saveRelease(releaseRow("first"));
  world.branches["main"] = {
    branch: "main",
    commit: commitOf("main"),
    roles: { web: { digest: digestOf("first") } },
    deployments: [
      { name: "web", selector: [], role: "web", branch: "main", values: {}, devices: {} },
    ],
  } as never;
}
