// A hub whose devices pi-berlin, pi-paris and pi-rome run one role, and what they were told.
import type { AppSpec } from "#shared/desired.ts";
import type { HubBench, RunningHub } from "./hub.ts";
import { smallFleet } from "./sites.ts";

export const sites = ["berlin", "paris", "rome"];

export async function started(bench: HubBench): Promise<RunningHub> {
  bench.repository.commit(smallFleet, "first");
  const hub = await bench.start();
  for (const name of sites) await hub.enrol(`pi-${name}`, { site: name, role: "robot" });
  await hub.sync();
  return hub;
}

export function appOf(hub: RunningHub, id: string): AppSpec | undefined {
  return hub.broker.last(id)?.apps[0];
}

export function counts(hub: RunningHub): (string | undefined)[] {
  return sites.map((name) => appOf(hub, `pi-${name}`)?.values["ROBOT_COUNT"]);
}

export function generations(hub: RunningHub): (number | undefined)[] {
  return sites.map((name) => hub.broker.last(`pi-${name}`)?.generation);
}

export async function reasons(hub: RunningHub): Promise<string[]> {
  return (await hub.events()).map(({ reason }) => reason);
}
