// Releases that cannot live: they crash, stay silent, eat all memory, or want a port that is taken.
import { createServer } from "node:net";
import { listMarked } from "#edge/runtime/process/proc.ts";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import { deviceYaml } from "#scripts/faults/repository.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";

/** Two rounds of the device. */
const watchedMs = 4500;

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);

export const crashLoop: Fault = {
  name: "crash-loop",
  says: "A release that crashes at once is rolled back and not tried again, nor after a restart; the services that it does not change go on.",
  tries: few,
  run: async ({ device }) => {
    const release = await device.release("crash");
    await device.rolledBack(release);
    await pause(watchedMs);
    await device.agent.restart();
    await device.connected();
    await pause(watchedMs);
    const tries = (await device.updates()).filter(({ version }) => version === release.version);
    if (tries.length > 1) throw notSurvived(`the bad release was tried ${tries.length} times`);
  },
};

export const silentRelease: Fault = {
  name: "silent-release",
  says: "A release that runs and never answers is rolled back within a minute of its grace period.",
  tries: few,
  run: async ({ device }) => {
    await device.rolledBack(await device.release("deaf"), 80_000);
  },
};

export const hungryRelease: Fault = {
  name: "hungry-release",
  says: "A release that is killed as soon as it starts, as by a kernel short of memory, is rolled back.",
  tries: few,
  run: async ({ device }) => {
    await device.rolledBack(await device.release("hungry"));
  },
};

export const outOfMemory: Fault = {
  name: "out-of-memory",
  says: "The kernel kills a healthy workload (SIGKILL); it is started again.",
  endsWorkload: true,
  tries: few,
  run: async ({ device }) => {
    const before = device.steady.seen().restarts;
    const steady = listMarked().filter(
      ({ marker }) => marker.device === device.id && marker.service === "steady",
    );
    if (steady.length === 0) throw notSurvived("there is no process to kill");
    for (const { pid } of steady) process.kill(pid, "SIGKILL");
    const again = async (): Promise<boolean> => device.steady.seen().restarts > before;
    await until("the workload answers again", again, { limitMs: 30_000 });
  },
};

export const portConflict: Fault = {
  name: "port-conflict",
  says: "A release wants a port that another program holds: it is refused, and the old one serves on.",
  tries: few,
  run: async ({ device }) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const address = other.address();
      const taken = typeof address === "object" ? (address?.port ?? 0) : 0;
      await device.rolledBack(await device.release("barred", { files: deviceFile(device, taken) }));
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
    await device.release("good", { files: deviceFile(device, device.ports.moving) });
  },
};

function deviceFile({ id, ports }: Device, moving: number): Record<string, string> {
  const values = { STEADY_PORT: ports.steady, MOVING_PORT: moving };
  return { [`devices/${id}.yaml`]: deviceYaml(id, values) };
}
