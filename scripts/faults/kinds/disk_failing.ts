// The device's disk goes bad while everything runs: it becomes read-only, or reads and writes fail.
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { localStatus } from "#scripts/faults/local_page.ts";
import { NotStruck } from "#scripts/faults/miss.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { onOwnDisk } from "#scripts/faults/mounts.ts";
import { failingCalls } from "#scripts/faults/strace.ts";
import { atMost, notSurvived, pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);

export const readOnlyDisk: Fault = {
  name: "read-only",
  says: "The file system becomes read-only in mid-update: what runs goes on with the page; after a reboot the update comes.",
  needs: ["root", "loop devices"],
  world: onOwnDisk,
  endsWorkload: true,
  tries: few,
  run: async (trial) => {
    const { world, device, seed } = trial;
    const disk = world.diskOf(device);
    await midUpdate(trial);
    await disk.fail();
    if (seed % 2 === 1) await device.agent.restart();
    await goesOn(trial);
    await device.cutPower();
    await disk.boot();
  },
};

/** What the calls do for a database, which reads and writes by position, and for files that must last. */
const ways = [
  "pwrite64",
  "fsync,fdatasync",
  "pread64,pwrite64",
  "pwrite64,fsync,fdatasync",
] as const;
const failingMs = 6000;
/** An update may be long in coming. */
const strikingMs = 20_000;

export const inputOutputError: Fault = {
  name: "io-error",
  says: "Reads, writes and syncs of the agent fail with EIO now and then, all through an update.",
  needs: ["strace"],
  tries: ({ seeds }) => ways.length * few({ seeds, sample: false }),
  run: async (trial) => {
    const { device, random, seed, note } = trial;
    const calls = ways[(seed - 1) % ways.length] ?? ways[0];
    const injection = {
      calls,
      error: "EIO",
      first: random.between(1, 20),
      step: random.between(2, 12),
    } as const;
    const pid = device.agent.program.innerPid();
    if (pid === undefined) throw notSurvived("there is no agent");
    const failed = await failingCalls(pid, injection, async (hasFailed) => {
      await device.release("good");
      await atMost(failingMs, device.agent.program.gone());
      await atMost(strikingMs, Promise.race([hasFailed, device.agent.program.gone()]));
    });
    note(`${calls}: ${failed} failed`);
    if (failed === 0) throw new NotStruck(`no ${calls} of the agent failed`);
    await goesOn(trial);
    await keepsAgain(trial);
  },
};

export const inputOutputErrorAtStart: Fault = {
  name: "io-error-starting",
  says: "From some write on, none succeeds while the agent starts: it is started again, or goes on without its disk until that is well.",
  needs: ["strace"],
  tries: (scope) => 4 * few(scope),
  run: async (trial) => {
    const { device, random, note } = trial;
    await device.agent.restart();
    const pid = device.agent.program.innerPid();
    if (pid === undefined) throw notSurvived("there is no agent");
    const first = random.between(1, 12);
    const injection = { calls: "pwrite64", error: "EIO", first, step: 1 } as const;
    const failed = await failingCalls(pid, injection, async (hasFailed) => {
      await until("the device's page answers", () => managedStatus(device), { limitMs: 30_000 });
      await device.release("good");
      await atMost(strikingMs, hasFailed);
      await pause(2000);
    });
    note(`${failed} writes failed from number ${first} on`);
    if (failed === 0) throw new NotStruck("no write of the agent failed");
    await keepsAgain(trial);
  },
};

/** The workload answers and is the same, and so does the page. */
async function goesOn({ device }: Trial): Promise<void> {
  await until("the device's page answers", () => managedStatus(device), {
    limitMs: 30_000,
    pauseMs: 500,
  });
  await pause(2000);
  const { restarts } = device.steady.seen();
  if (restarts > 0) throw notSurvived("the fault has restarted a healthy workload");
}

/** A fault at the agent's start leaves it without a journal on the disk; it notices that the disk is well. */
async function keepsAgain({ device }: Trial): Promise<void> {
  const keeps = async (): Promise<boolean> => {
    const { sync, safeMode } = await managedStatus(device);
    return sync !== "Unknown" && safeMode?.cause !== "journal";
  };
  await until("the device keeps its journal again", keeps, { limitMs: 60_000, pauseMs: 500 });
}

/** An agent that has ended is started again, as the service manager does. */
async function managedStatus(device: Device): ReturnType<typeof localStatus> {
  if (!device.agent.program.running()) await device.agent.start();
  return await localStatus(device);
}
