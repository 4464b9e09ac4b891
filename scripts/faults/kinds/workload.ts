// Releases that cannot live: they crash, stay silent, eat all memory, or want a port that is taken.
import { createServer } from "node:net";
import { listMarked } from "#edge/runtime/process/proc.ts";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import { deviceYaml } from "#scripts/faults/repository.ts";
import { until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);

export const crashLoop: Fault = {
  name: "crash-loop",
  says: "A release that crashes at once is rolled back, and the services that it does not change go on.",
  tries: few,
  run: async ({ device }) => {
    await device.rolledBack(await device.release("crash"));
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
    for (const { pid, marker } of listMarked()) {
      if (marker.device === device.id && marker.service === "steady") process.kill(pid, "SIGKILL");
    }
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
