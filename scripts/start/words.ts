// What `npm start` tells at its end: how far the fleet came, where everything is, and what to try next.
import { join } from "node:path";
import type { Fleet } from "./fleet.ts";
import { type FleetNow, isConverged } from "./follow.ts";
import type { StartOptions } from "./options.ts";

/** The one JSON object of `--once --json`. */
export interface Summary {
  devices: number;
  synced: number;
  healthy: number;
  /** Since the start, to a tenth. */
  seconds: number;
  runtime: "docker" | "process";
}

export function outcome(now: FleetNow, options: StartOptions, tookMs: number): string {
  const all = options.devices;
  if (now.converged) {
    return `All ${all} devices are Synced and Healthy after ${(tookMs / 1000).toFixed(1)} s.`;
  }
  if (now.blocked) {
    return "No device can be told what to run before the fleet repository is mended (see above).";
  }
  const count = now.devices.filter(isConverged).length;
  return `${count} of ${all} devices converged within ${options.timeout} s; see ${options.data}/logs.`;
}

export async function introduction(
  { devices, children, hub, url }: Fleet,
  options: StartOptions,
  repository: string,
): Promise<string[]> {
  const pages = devices.map((device, at) => {
    const pid = children.pid(device);
    return `  ${device.padEnd(8)} http://127.0.0.1:${options.pagePort + at}/   (pid ${pid})`;
  });
  return [
    "",
    `Dashboard   ${await hub.signInAddress()}`,
    `            (this address signs in once; the token is in ${join(options.data, "hub/operator.token")})`,
    `API         ${url}/docs   (hub: pid ${children.pid("hub")})`,
    "Devices",
    ...pages,
    "",
    ...(options.repository === undefined ? nextToTry(repository) : []),
    "Changes show up here and on the dashboard. Ctrl-C ends everything.",
  ];
}

function nextToTry(repository: string): string[] {
  return [
    "Try next, in another terminal:",
    `  cd ${repository}`,
    "  sed -i 's/ROBOT_COUNT: .*/ROBOT_COUNT: 10/' sites/north.yaml",
    "  git commit -am 'Ten robots in the north'    # exactly seven robots start",
    "  git revert --no-edit HEAD                   # and go again",
    "",
  ];
}
