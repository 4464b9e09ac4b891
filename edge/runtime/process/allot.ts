// Gives a copy ports of its own on the loopback net, for the device to forward to.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type ComposeService, forwardedPorts } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";
import type { OwnPort } from "./launch.ts";
import { tryBind } from "./ports.ts";

const lowest = 20_000;
const defaultEphemeral = 32_768;

/** Below the ports that the kernel gives to outgoing connections: a copy that restarts finds its own free.
 *  @param options.taken ports of other copies, running or not
 *  @param options.seed spreads the copies of several agents over the range
 *  @throws FleetError port_taken when no port is left */
export async function allotPorts(
  service: ComposeService,
  options: { taken: ReadonlySet<number>; seed: string },
): Promise<OwnPort[]> {
  const taken = new Set(options.taken);
  const own: OwnPort[] = [];
  for (const target of new Set(forwardedPorts(service).map((port) => port.target))) {
    const port = await firstFree(taken, `${options.seed}/${target}`);
    taken.add(port);
    own.push({ target, port });
  }
  return own;
}

async function firstFree(taken: ReadonlySet<number>, seed: string): Promise<number> {
  const count = ephemeralStart() - lowest;
  const first = createHash("sha256").update(seed).digest().readUInt32BE(0) % count;
  for (let step = 0; step < count; step += 1) {
    const port = lowest + ((first + step) % count);
    if (taken.has(port)) continue;
    const errno = await tryBind({ port, hostIp: "127.0.0.1", protocol: "tcp" });
    if (errno === undefined) return port;
  }
  throw new FleetError("port_taken", {
    message: `no port from ${lowest} to ${lowest + count - 1} is free on this device`,
    retry: "later",
  });
}

/** @see ip(7), "ip_local_port_range" */
function ephemeralStart(): number {
  const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
  const start = Number(range.trim().split(/\s+/)[0]);
  return start > lowest + 1000 ? start : defaultEphemeral;
}
