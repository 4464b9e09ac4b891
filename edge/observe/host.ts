// Measures the machine: processor, memory, disk, temperature, and what it is.
import { readFile, statfs } from "node:fs/promises";
import { arch, cpus, freemem, hostname, loadavg, release, totalmem, type, uptime } from "node:os";
import { cpuTemperature, system } from "systeminformation";
import type { HostHealth } from "#shared/beat.ts";
import type { Clock } from "#shared/clock.ts";
import type { HostReport } from "#shared/reported.ts";

export type HostDescription = Pick<HostReport, "hostname" | "os" | "arch" | "kernel" | "model">;

export interface HostObserver {
  /** At most one measurement per 5 s, whoever asks; starts no program on Linux. */
  sample(): Promise<HostHealth>;
  /** What does not change while the machine runs. */
  describe(): Promise<HostDescription>;
}

interface CpuTimes {
  busy: number;
  total: number;
}

const freshMs = 5000;

export function createHostObserver(options: { clock: Clock; dataDirectory: string }): HostObserver {
  const { clock, dataDirectory } = options;
  let latest: { atMs: number; health: Promise<HostHealth> } | undefined;
  let described: Promise<HostDescription> | undefined;
  /** The first sample is the average since the machine's start. */
  let before: CpuTimes = { busy: 0, total: 0 };

  async function measure(): Promise<HostHealth> {
    const now = cpuTimes();
    const cpu = busyShare(before, now);
    before = now;
    const temperatureC = await readTemperature();
    return {
      cpu,
      load1: loadavg()[0] ?? 0,
      // On Linux free memory is MemAvailable: what programs can still get.
      memoryUsedBytes: totalmem() - freemem(),
      memoryTotalBytes: totalmem(),
      ...(await readDisk(dataDirectory)),
      uptimeSeconds: Math.floor(uptime()),
      ...(temperatureC === undefined ? {} : { temperatureC }),
    };
  }

  return {
    sample() {
      const nowMs = clock.monotonicMs();
      if (latest === undefined || nowMs - latest.atMs >= freshMs) {
        latest = { atMs: nowMs, health: measure() };
      }
      return latest.health;
    },
    describe() {
      described ??= describeHost();
      return described;
    },
  };
}

/** Share of all processors in [0, 1] between two readings. */
export function busyShare(before: CpuTimes, now: CpuTimes): number {
  const total = now.total - before.total;
  if (total <= 0) return 0;
  return Math.min(1, Math.max(0, (now.busy - before.busy) / total));
}

function cpuTimes(): CpuTimes {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, total: busy + idle };
}

/** As `df` counts: what only root may use is neither used nor part of the total. */
async function readDisk(
  directory: string,
): Promise<Pick<HostHealth, "diskUsedBytes" | "diskTotalBytes">> {
  const { blocks, bfree, bavail, bsize } = await statfs(directory);
  const diskUsedBytes = (blocks - bfree) * bsize;
  return { diskUsedBytes, diskTotalBytes: diskUsedBytes + bavail * bsize };
}

/** On Linux straight from the kernel, since a library starts a shell for it. */
async function readTemperature(): Promise<number | undefined> {
  if (type() !== "Linux") return (await cpuTemperature()).main ?? undefined;
  const text = await readText("/sys/class/thermal/thermal_zone0/temp");
  const milliC = Number(text);
  return text === undefined || !Number.isFinite(milliC) ? undefined : milliC / 1000;
}

async function describeHost(): Promise<HostDescription> {
  return {
    hostname: hostname(),
    os: (await readOsName()) ?? type(),
    arch: arch(),
    kernel: release(),
    model: await readModel(),
  };
}

/** @see os-release(5) */
async function readOsName(): Promise<string | undefined> {
  const text = await readText("/etc/os-release");
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text ?? "")?.[1];
}

/** A Raspberry Pi names itself in its device tree, e.g. `Raspberry Pi 4 Model B Rev 1.4`. */
async function readModel(): Promise<string> {
  const fromTree = await readText("/proc/device-tree/model");
  if (fromTree !== undefined) return fromTree.replaceAll("\0", "").trim();
  // It starts programs, for which there may be no memory: no reason not to report.
  const { manufacturer, model } = await system().catch(() => ({ manufacturer: "", model: "" }));
  const name = [manufacturer, model].filter((part) => part !== "" && part !== "-").join(" ");
  return name === "" ? "unknown" : name;
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
