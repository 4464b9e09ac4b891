// What `docker update` can change under a running container: as it was asked for, and what it is now. Pure.
import type { Enforced, HostConfig, UpdateBody } from "#edge/runtime/docker/calls/api.ts";

/** By the Engine's key; what is absent is not limited. */
export type Limits = Partial<Record<NumberKey, number>> & {
  CpusetCpus?: string;
  /** `always`, `on-failure:3`, … */
  RestartPolicy?: string;
};

type NumberKey = keyof typeof amounts;
type Key = NumberKey | "CpusetCpus" | "RestartPolicy";

const mebibyte = 1_048_576;
const bytes = (amount: number): string =>
  amount % mebibyte === 0 ? `${amount / mebibyte} MiB` : `${amount} bytes`;
const amounts = {
  Memory: bytes,
  MemoryReservation: bytes,
  MemorySwap: (amount: number) => (amount < 0 ? "unlimited" : bytes(amount)),
  NanoCpus: (amount: number) => `${amount / 1e9} CPUs`,
  CpuQuota: (amount: number) => `${amount} µs`,
  CpuPeriod: (amount: number) => `${amount} µs`,
  CpuShares: String,
  PidsLimit: String,
} as const;

const words: Record<Key, string> = {
  Memory: "the memory limit",
  MemoryReservation: "the memory reservation",
  MemorySwap: "the limit of memory and swap",
  NanoCpus: "the CPU limit",
  CpuQuota: "the CPU quota",
  CpuPeriod: "the CPU period",
  CpuShares: "the CPU shares",
  PidsLimit: "the limit of processes",
  CpusetCpus: "the set of CPUs",
  RestartPolicy: "the restart policy",
};

/** The Engine drops what its kernel cannot enforce, so a difference there is none. */
const enforcedBy: Partial<Record<Key, keyof Enforced>> = {
  Memory: "MemoryLimit",
  MemoryReservation: "MemoryLimit",
  MemorySwap: "SwapLimit",
  NanoCpus: "CpuCfsQuota",
  CpuQuota: "CpuCfsQuota",
  CpuPeriod: "CpuCfsPeriod",
  CpuShares: "CPUShares",
  PidsLimit: "PidsLimit",
  CpusetCpus: "CPUSet",
};

/** The limits of a host configuration, whether asked for or as the Engine tells it. */
export function limitsOf(host: HostConfig): Limits {
  const numbers = (Object.keys(amounts) as NumberKey[]).map((key) => [key, host[key] ?? 0]);
  const limits: Limits = Object.fromEntries(numbers.filter(([, amount]) => isLimit(amount)));
  // Of its own accord the Engine allows as much swap as memory.
  if (limits.Memory !== undefined) limits.MemorySwap ??= limits.Memory * 2;
  else if (limits.MemorySwap === -1) delete limits.MemorySwap;
  if (host.CpusetCpus) limits.CpusetCpus = host.CpusetCpus;
  limits.RestartPolicy = restartText(host.RestartPolicy);
  return limits;
}

function isLimit(amount: unknown): boolean {
  return typeof amount === "number" && amount !== 0;
}

function restartText(policy: HostConfig["RestartPolicy"]): string {
  const { Name = "", MaximumRetryCount: tries = 0 } = policy ?? {};
  if (Name === "on-failure" && tries > 0) return `${Name}:${tries}`;
  return Name === "" ? "no" : Name;
}

/** What of the limits is not as it was asked for. */
export function changedLimits(asked: Limits, now: Limits, enforced: Enforced): Key[] {
  return (Object.keys(words) as Key[]).filter((key) => {
    const by = enforcedBy[key];
    return asked[key] !== now[key] && (by === undefined || enforced[by] === true);
  });
}

/** E.g. `the memory limit is 64 MiB instead of 128 MiB`. */
export function changeText(key: Key, asked: Limits, now: Limits): string {
  return `${words[key]} is ${limitText(key, now)} instead of ${limitText(key, asked)}`;
}

function limitText(key: Key, limits: Limits): string {
  const limit = limits[key];
  if (limit === undefined) return "none";
  return typeof limit === "string" ? limit : amounts[key as NumberKey](limit);
}

/** Puts the limits back; undefined where no update can: the Engine takes an absent limit for "as it is". */
export function updateBody(asked: Limits, changed: readonly Key[]): UpdateBody | undefined {
  if (changed.some((key) => asked[key] === undefined)) return undefined;
  // Each of the two is checked against the other one as it is now.
  const memory = changed.some((key) => key === "Memory" || key === "MemorySwap");
  const keys = new Set<Key>([...changed, ...(memory ? (["Memory", "MemorySwap"] as const) : [])]);
  const { RestartPolicy: restart, ...others } = asked;
  const kept = Object.entries(others).filter(([key]) => keys.has(key as Key));
  const [name = "no", tries = "0"] = restart?.split(":") ?? [];
  return {
    ...Object.fromEntries(kept),
    ...(keys.has("RestartPolicy")
      ? { RestartPolicy: { Name: name, MaximumRetryCount: Number(tries) } }
      : {}),
  };
}
