// Names the present boot of this machine, so that monotonic times of two boots are never compared.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

const kernelFile = "/proc/sys/kernel/random/boot_id";

/** The kernel's boot id; on a system that has none, one that lasts as long as the process. */
export function readBootId(): string {
  try {
    return readFileSync(kernelFile, "utf8").trim();
  } catch {
    return processBootId;
  }
}

const processBootId = randomUUID();
