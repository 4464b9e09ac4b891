// Names the present boot of this machine, so that monotonic times of two boots are never compared.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

export const kernelBootIdFile = "/proc/sys/kernel/random/boot_id";

/** The kernel's boot id, or that of a container in a file of its own; where there is none, one that lasts as
 *  long as the process. */
export function readBootId(file = kernelBootIdFile): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return processBootId;
  }
}

const processBootId = randomUUID();
