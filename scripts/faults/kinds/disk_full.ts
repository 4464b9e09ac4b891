// The device's disk is full: during a download, during an unpacking, for the journal, and in safe mode.
import { readdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { localOrder } from "#scripts/faults/local_page.ts";
import { NotStruck } from "#scripts/faults/miss.ts";
import { type Disk, onOwnDisk } from "#scripts/faults/mounts.ts";
import { behindProxies } from "#scripts/faults/network.ts";
import { entersSafeMode, leavesSafeMode } from "#scripts/faults/safe.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";
import { isTemporary, namesIn } from "#shared/files.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);
const common = { needs: ["root", "loop devices"], world: onOwnDisk, tries: few } as const;
const fullForMs = 3000;
/** Not even a page of the journal with its frame. */
const roomBytes = 4096;

export const diskFullInDownload: Fault = {
  ...common,
  name: "disk-full-download",
  says: "The disk becomes full during a download: safe mode, until there is room; then the update comes.",
  run: (trial) =>
    behindProxies(trial, async ({ http }) => {
      const { device, random } = trial;
      http.set({ down: { bytesPerSecond: 300_000 } });
      const before = await device.served();
      const release = await device.release("good", { files: ballastFiles(device, random.next()) });
      await until("a download", () => downloading(device), { limitMs: 20_000, pauseMs: 20 });
      await fullForAWhile(trial, before);
      http.set({});
      await device.converged(release, 90_000);
    }),
};

export const diskFullInUnpacking: Fault = {
  ...common,
  name: "disk-full-unpack",
  says: "The disk becomes full while a bundle is unpacked: safe mode, until there is room; then the update comes.",
  run: async (trial) => {
    const { device, random } = trial;
    const before = await device.served();
    const release = await device.release("good", { files: ballastFiles(device, random.next()) });
    await caughtUnpacking(device);
    await trial.world.diskOf(device).fill();
    device.agent.program.resume();
    await fullForAWhile(trial, before);
    await device.converged(release, 90_000);
  },
};

export const diskFullForJournal: Fault = {
  ...common,
  name: "disk-full-journal",
  says: "The disk is full and the journal cannot grow: safe mode with its page, also over a restart, until there is room.",
  run: async (trial) => {
    const before = await trial.device.served();
    await fullForAWhile(trial, before, async () => {
      if (trial.seed % 2 === 1) await trial.device.agent.restart();
    });
    await trial.device.converged(await trial.device.release("good"));
  },
};

export const diskFullInSafeMode: Fault = {
  ...common,
  name: "disk-full-in-safe-mode",
  says: "The disk becomes full in safe mode, and has room again: safe mode by hand stays until somebody leaves it.",
  run: async (trial) => {
    const { world, device } = trial;
    const disk = world.diskOf(device);
    await localOrder(device, "/v1/safe-mode", { do: "enter", reason: "The gripper is mended." });
    await entersSafeMode(device, "hand");
    const before = await device.served();
    const release = await device.release("good");
    await staysFull(disk);
    await disk.free();
    await entersSafeMode(device, "hand");
    if ((await device.served()) !== before) throw notSurvived("an update came in safe mode");
    await localOrder(device, "/v1/safe-mode", { do: "leave" });
    await leavesSafeMode(device);
    await device.converged(release);
  },
};

/** Full until the device has noticed, and for some seconds more; then there is room. */
async function fullForAWhile(
  { world, device }: Trial,
  before: string | undefined,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const disk = world.diskOf(device);
  await entersSafeMode(device, "diskFull", () => disk.fill());
  await meanwhile();
  await staysFull(disk);
  await entersSafeMode(device, "diskFull");
  if ((await device.served()) !== before) throw notSurvived("what served does not any more");
  await disk.free();
  await leavesSafeMode(device);
}

/** Also while the agent gives back what it can: of its ballast nothing is left. */
async function staysFull(disk: Disk): Promise<void> {
  for (let left = fullForMs; left > 0; left -= 500) {
    const isFull = async (): Promise<boolean> => {
      await disk.fill();
      return (await disk.freeBytes()) < roomBytes;
    };
    await until("a full disk", isFull, { limitMs: 5000 });
    await pause(500);
  }
}

/** They make a bundle that is not there in an instant. */
function ballastFiles({ id }: Device, salt: number): Record<string, string> {
  const text = `${salt}\n`.repeat(3000);
  const names = Array.from({ length: 40 }, (_, number) => `roles/${id}/more/${number}.txt`);
  return Object.fromEntries(names.map((name) => [name, text]));
}

async function downloading({ directory }: Device): Promise<boolean> {
  const bundles = join(directory, "bundles");
  const part = (await namesIn(bundles)).find((name) => name.endsWith(".part"));
  return part !== undefined && (await stat(join(bundles, part))).size > 0;
}

/** The agent stands still in the middle of an unpacking when this returns. */
async function caughtUnpacking(device: Device): Promise<void> {
  const releases = join(device.directory, "apps", device.id, "releases");
  const look = (): boolean => readdirSync(releases).some(isTemporary);
  const deadline = performance.now() + 20_000;
  while (!look()) {
    if (performance.now() > deadline) throw new NotStruck("no unpacking was seen");
    await new Promise(setImmediate);
  }
  device.agent.program.pause();
  if (!look()) throw new NotStruck("the unpacking was over before the disk was full");
}
