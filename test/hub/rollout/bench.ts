// A hub on real Git and the real store, and devices that do what they are told, or fail at it by their model.
import type { DeviceChange } from "#hub/store/port.ts";
import { revisionOf } from "#shared/desired.ts";
import { DeviceId, type RevisionId } from "#shared/ids.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";
import type { HubBench, RunningHub } from "#test/support/hub.ts";
import { robotCompose, smallFleet } from "#test/support/sites.ts";

export interface Robot {
  id: DeviceId;
  site: string;
  model: string;
  ring?: string;
}

/** Devices over the sites, every `each`-th of another model. */
export function robots(count: number, each = 5): Robot[] {
  const sites = ["berlin", "paris", "rome"];
  return Array.from({ length: count }, (_, at) => ({
    id: DeviceId.parse(`pi-${String(at).padStart(3, "0")}`),
    site: sites[at % sites.length] ?? "rome",
    model: at % each === 0 ? "Raspberry Pi 3" : "Raspberry Pi 5",
    ...(at === 1 ? { ring: "canary" } : {}),
  }));
}

/** The whole fleet.yaml with a policy, written as JSON, which YAML is. */
export function fleetWith(policy: object | undefined): string {
  const rollout = policy === undefined ? "" : `    rollout: ${JSON.stringify(policy)}\n`;
  return `apiVersion: metrica.fleet/v1
kind: Fleet
deployments:
  - name: robots
    role: robot
    selector: role=robot
${rollout}`;
}

/** The small fleet at version 1 of its robot. */
export function filesWith(policy: object | undefined): Record<string, string> {
  return { ...(smallFleet as Record<string, string>), "fleet.yaml": fleetWith(policy) };
}

export function version(number: number): Record<string, string> {
  return { "roles/robot/compose.yaml": robotCompose.replace("robot:1", `robot:${number}`) };
}

export async function enrolAll(hub: RunningHub, all: readonly Robot[]): Promise<void> {
  for (const { id, site, ring } of all) {
    await hub.enrol(id, { site, role: "robot", ...(ring === undefined ? {} : { ring }) });
  }
}

/** How often each device was asked to forget its failures, by the store that it is in. */
const askedToForget = new WeakMap<object, Map<DeviceId, number>>();

/** What the device refuses still. */
function refusedBy(hub: Pick<RunningHub, "store">, id: DeviceId, given: Refusing): RevisionId[] {
  const asked = askedToForget.get(hub.store) ?? new Map<DeviceId, number>();
  askedToForget.set(hub.store, asked);
  const forgets = (given.retry ?? 0) > (asked.get(id) ?? 0);
  asked.set(id, given.retry ?? 0);
  return forgets ? [] : (given.before?.quarantined ?? []);
}

interface Refusing {
  retry: number | undefined;
  before: AppReport | undefined;
}

type Fails = (robot: Robot, digest: string) => boolean;

/** Every device takes what it is told, reports on it, and the hub looks at it, until nothing moves.
 *  @returns which devices got what they did not have, round by round */
export async function settle(
  hub: RunningHub,
  all: readonly Robot[],
  fails: Fails = () => false,
): Promise<DeviceId[][]> {
  const rounds: DeviceId[][] = [];
  for (let more = true; more; ) {
    const moved = await obey(hub, all, fails);
    if (moved.length > 0) rounds.push(moved);
    await hub.rollouts.settle();
    more = moved.length > 0;
  }
  return rounds;
}

/** Devices whose desired state is not what they last reported on take it, all at the same time: a look of the hub
 *  comes before it or after it. */
export async function obey(
  hub: RunningHub,
  all: readonly Robot[],
  fails: Fails = () => false,
): Promise<DeviceId[]> {
  const moved: DeviceId[] = [];
  const changes: DeviceChange[] = [];
  for (const robot of all) {
    const row = await hub.store.device(robot.id);
    const desired = await hub.desired.current(robot.id);
    if (row === null || desired === null) continue;
    if (row.reported?.observedGeneration === desired.generation) continue;
    const [app] = desired.content.apps;
    if (app === undefined) continue;
    const before = row.reported?.apps[0];
    const { generation, specHash } = desired;
    const isNew = before?.current?.revision !== revisionOf(app);
    const quarantined = refusedBy(hub, robot.id, { retry: desired.content.retry, before });
    const isBad = quarantined.includes(revisionOf(app)) || fails(robot, app.release.digest);
    if (isNew) moved.push(robot.id);
    const report = reportOf(robot, row.reported, {
      generation,
      specHash,
      app: appReport(app, { before, quarantined, isBad }),
    });
    changes.push({ id: robot.id, connection: "Online", reported: report });
  }
  await hub.store.changeDevices(changes);
  for (const { id } of changes) hub.bus.emit("device", id);
  return moved;
}

type App = Parameters<typeof revisionOf>[0];

interface Tried {
  before: AppReport | undefined;
  quarantined: readonly RevisionId[];
  isBad: boolean;
}

function appReport(app: App, { before, quarantined: known, isBad }: Tried): AppReport {
  const { digest, role, commit, branch } = app.release;
  const revision = { revision: revisionOf(app), digest, role, commit, branch };
  const common = { name: app.name, services: [], health: "Healthy" as const };
  const quarantined = [...known];
  if (!isBad) return { ...common, sync: "Synced", current: revision, quarantined };
  const failure = { code: "crash_loop", message: "the robot ended three times", at: 0 };
  return {
    ...common,
    sync: "OutOfSync",
    ...(before?.current === undefined ? {} : { current: before.current }),
    target: revision,
    failure,
    quarantined: [...new Set([...quarantined, revision.revision])],
  };
}

function reportOf(
  { id, site, model }: Robot,
  before: ReportedState | null,
  { generation, specHash, app }: { generation: number; specHash: string; app: AppReport },
): ReportedState {
  return {
    device: id,
    bootId: "boot",
    epoch: "epoch",
    at: 0,
    observedGeneration: generation,
    specHash,
    mode: "run",
    labels: before?.labels ?? { site, role: "robot" },
    heartbeatMs: 1000,
    host: {
      hostname: id,
      os: "Raspberry Pi OS",
      arch: "arm64",
      kernel: "6.12",
      model,
      agentVersion: "1.0.0",
      runtimes: ["process"],
    },
    apps: [app],
    conditions: [],
  };
}

/** The image tag that each device runs, by what it reported. */
export async function running(hub: RunningHub, digests: readonly string[]): Promise<string> {
  const rows = await hub.store.allDevices();
  const tags = rows.map(({ reported }) => {
    const at = digests.indexOf(reported?.apps[0]?.current?.digest ?? "");
    return at === -1 ? "-" : String(at + 1);
  });
  return tags.join("");
}

/** The digest of the robot at the newest accepted commit. */
export function digestOf(hub: RunningHub): string {
  return hub.releases.snapshot()?.branches["main"]?.roles["robot"]?.digest ?? "";
}

/** A fleet at version 1, all devices healthy. */
export async function begun(
  bench: HubBench,
  policy: object | undefined,
  all: readonly Robot[],
): Promise<{ hub: RunningHub; digests: string[] }> {
  bench.repository.commit(filesWith(policy));
  const hub = await bench.start();
  await enrolAll(hub, all);
  await hub.sync();
  await settle(hub, all);
  return { hub, digests: [digestOf(hub)] };
}

/** Commits a version and lets the hub take it up. */
export async function release(
  bench: HubBench,
  hub: RunningHub,
  digests: string[],
  number: number,
): Promise<void> {
  bench.repository.commit(version(number), `version ${number}`);
  await hub.sync();
  digests.push(digestOf(hub));
}
