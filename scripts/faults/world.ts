// The world of a try: a real repository, a real hub and real agents, with a workload on each device.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "#scripts/start/ports.ts";
import { DeviceId } from "#shared/ids.ts";
import { once } from "#shared/once.ts";
import { createQueue } from "#shared/serial.ts";
import type { AgentStart } from "./agent.ts";
import { createDevice, type Device } from "./device.ts";
import { type Engine, startEngine } from "./engine.ts";
import { createHub, type Hub } from "./hub.ts";
import { type Disk, type DiskShape, mountDisk } from "./mounts.ts";
import { createFleetRepository, type FleetRepository } from "./repository.ts";
import type { RoleOptions } from "./role.ts";

/** What one device differs in. */
export interface DeviceShape {
  role?: RoleOptions;
  agent?: AgentStart;
  /** A file system of its own under its data directory; needs root. */
  disk?: DiskShape;
}

export interface WorldOptions {
  runtime: "docker" | "process";
  image: string;
  devices: number;
  device: DeviceShape;
  /** A Docker Engine of the world's own, for its devices; needs root. */
  engine?: true;
  /** Leaves directory and logs where they are. */
  keep: boolean;
}

export interface World {
  readonly directory: string;
  readonly hub: Hub;
  readonly repository: FleetRepository;
  readonly devices: readonly Device[];
  /** One more device, converged and under watch. */
  addDevice(shape?: DeviceShape): Promise<Device>;
  /** @throws TypeError when the device has no disk of its own */
  diskOf(device: Device): Disk;
  /** The world's own, when it has one. */
  readonly engine: Engine | undefined;
  /** Ends every process and removes every file. */
  stop(): Promise<void>;
}

export const defaultWorld: WorldOptions = {
  runtime: "process",
  image: "busybox:1.36",
  devices: 4,
  device: {},
  keep: false,
};

/** Below the ports that the kernel gives to connections: a port must stay free while its owner is dead. */
const firstPort = 12_000;
const takePorts = createQueue();
let nextPort = firstPort + (process.pid % 200) * 64;
let worlds = 0;

export async function createWorld(options: WorldOptions): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), "fleet-faults-"));
  const repository = createFleetRepository({ directory: join(directory, "fleet") });
  const [httpPort = 0, mqttPort = 0] = await ports(2);
  const hub = createHub({ directory, repository: repository.directory, httpPort, mqttPort });
  const devices: Device[] = [];
  const disks = new Map<string, Disk>();
  let engine: Engine | undefined;
  let named = 0;
  worlds += 1;
  const prefix = `f${process.pid}-${worlds}`;

  const addDevice = async (shape: DeviceShape = {}): Promise<Device> => {
    named += 1;
    const id = DeviceId.parse(`${prefix}-${named}`);
    const [steady = 0, moving = 0] = await ports(2);
    const data = join(directory, "devices", id);
    if (shape.disk !== undefined) {
      const scratch = join(directory, "disks", id);
      disks.set(id, await mountDisk({ scratch, directory: data, shape: shape.disk }));
    }
    const device = createDevice({
      id,
      directory: data,
      logFile: join(directory, `${id}.log`),
      runtime: options.runtime,
      ports: { steady, moving },
      ...{ hub, repository },
      agent: { ...(engine === undefined ? {} : { dockerSocket: engine.socket }), ...shape.agent },
    });
    devices.push(device);
    await device.join(shape.role);
    return device;
  };
  const diskOf = (device: Device): Disk => {
    const disk = disks.get(device.id);
    if (disk === undefined) throw new TypeError(`${device.id} has no disk of its own`);
    return disk;
  };
  const stop = once(async () => {
    await Promise.all(devices.map((device) => device.stop()));
    await hub.program.stop();
    await Promise.all([...disks.values()].map((disk) => disk.release()));
    await engine?.release();
    if (!options.keep) await rm(directory, { recursive: true, force: true });
  });

  try {
    await mkdir(join(directory, "devices"));
    await repository.create(options.image);
    await hub.start();
    if (options.engine) engine = await startEngine(join(directory, "engine"), options.image);
    await Promise.all(Array.from({ length: options.devices }, () => addDevice(options.device)));
    return { directory, hub, repository, devices, addDevice, diskOf, engine, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function ports(count: number): Promise<number[]> {
  return takePorts(async () => {
    const found = await freePorts(nextPort, count);
    nextPort = (found.at(-1) ?? nextPort) + 1;
    return found;
  });
}
