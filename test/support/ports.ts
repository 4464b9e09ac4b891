// Hands out TCP ports that no other test file, running at the same time, is given.
import { freePorts } from "#scripts/start/ports.ts";

/** Above the ports of the fault worlds, below those that the kernel gives to connections: a port must
 *  stay free while its owner is dead. */
const firstPort = 27_500;
const portsPerLane = 1000;
/** Files that run at once have different lanes; the runner says which. */
const lane = Number(process.env["FLEET_TEST_LANE"] ?? 0);
const end = firstPort + (lane + 1) * portsPerLane;

// Two runs on one machine share the lanes, and rarely this.
let next = end - portsPerLane + (process.pid % 8) * 100;

/** Neighbouring ports that were free a moment ago; none is given twice in a process.
 *  @throws Error when the lane is used up */
export async function takePorts(count: number): Promise<[number, ...number[]]> {
  for (; next + count <= end; next += 1) {
    const [first, ...others] = await freePorts(next, count);
    if (first !== next || (others.at(-1) ?? first) !== next + count - 1) continue;
    next += count;
    return [first, ...others];
  }
  throw new Error(`no ${count} neighbouring ports are free below ${end}`);
}
