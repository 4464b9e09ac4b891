// A hub as its own process that can be killed, a fleet repository, and a hundred simulated devices over five sites.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RolloutDevice, RolloutSummary, RolloutView } from "#hub/api/rollout_view.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { takePorts } from "#test/support/ports.ts";
import { createRepository, type TestRepository } from "#test/support/repository.ts";

const root = join(import.meta.dirname, "..", "..");

export interface SimDevice {
  id: string;
  labels: Record<string, string>;
  health: string;
  sync: string;
  apps: { current?: { digest: string; commit: string } }[];
}

export interface RolloutWorld {
  repository: TestRepository;
  /** Where the hub keeps everything. */
  data: string;
  get<T>(path: string): Promise<T>;
  post(path: string, body: object, method?: "POST" | "PUT" | "PATCH"): Promise<void>;
  /** Commits the version and does not tell the hub. */
  commit(version: number, failsOn?: string): string;
  /** Commits the version and tells the hub. */
  release(version: number, failsOn?: string): Promise<string>;
  devices(): Promise<SimDevice[]>;
  newest(): Promise<RolloutView>;
  members(id: number): Promise<RolloutDevice[]>;
  until<T>(what: string, look: () => Promise<T | false>, limitMs?: number): Promise<T>;
  startHub(): Promise<void>;
  /** SIGKILL, as a power cut of the hub's machine. */
  killHub(): Promise<void>;
  startDevices(count: number): Promise<void>;
  stop(): Promise<void>;
}

const site = (number: number): string =>
  `apiVersion: metrica.fleet/v1\nkind: Site\nvalues: {SITE_NUMBER: ${number}}\n`;

function files(version: number, failsOn: string, policy: object): Record<string, string> {
  return {
    "fleet.yaml": `apiVersion: metrica.fleet/v1
kind: Fleet
values: {SIMULATE_FAILURE_ON: "${failsOn}"}
rollouts:
  careful: ${JSON.stringify(policy)}
deployments:
  - {name: load, role: load, selector: role=simulated, rollout: careful}
`,
    "roles/load/compose.yaml": `services: {work: {image: "example/work:${version}"}}\n`,
    "devices/sim-00002.yaml":
      "apiVersion: metrica.fleet/v1\nkind: Device\nlabels: {ring: canary}\n",
    ...Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`sites/site-${n}.yaml`, site(n)])),
  };
}

export async function createRolloutWorld(policy: object): Promise<RolloutWorld> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-rollout-"));
  const repository = createRepository();
  const [httpPort, mqttPort = 0] = await takePorts(2);
  const url = `http://127.0.0.1:${httpPort}`;
  const tokenFile = join(directory, "hub", "operator.token");
  const running = new Set<ChildProcess>();
  let hub: ChildProcess | undefined;

  const run = (script: string, args: string[]): ChildProcess => {
    const child = spawn(process.execPath, [join(root, script), ...args], {
      cwd: root,
      stdio: "ignore",
    });
    running.add(child);
    child.once("exit", () => running.delete(child));
    return child;
  };
  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}`,
    "content-type": "application/json",
  });
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(new URL(path, url), { headers: headers() });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  const post: RolloutWorld["post"] = async (path, body, method = "POST") => {
    const response = await fetch(new URL(path, url), {
      ...{ method, headers: headers(), body: JSON.stringify(body) },
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  const until: RolloutWorld["until"] = async (what, look, limitMs = 120_000) => {
    const end = clock.monotonicMs() + limitMs;
    for (;;) {
      const found = await look().catch(() => false as const);
      if (found !== false) return found;
      if (clock.monotonicMs() > end) throw new Error(`${what}: not within ${limitMs} ms`);
      await clock.sleep(100);
    }
  };
  const commit: RolloutWorld["commit"] = (version, failsOn = "none") =>
    repository.commit(files(version, failsOn, policy), `version ${version}`);
  const isReady = async (): Promise<true | false> => (await fetch(new URL("/readyz", url))).ok;
  repository.commit(files(1, "none", policy));

  return {
    repository,
    data: join(directory, "hub"),
    get,
    post,
    until,
    commit,
    release: async (version, failsOn) => {
      const id = commit(version, failsOn);
      await post("/v1/git/webhook", {});
      return id;
    },
    devices: async () => (await get<{ items: SimDevice[] }>("/v1/devices?limit=500")).items,
    newest: async () => {
      const { items } = await get<{ items: RolloutSummary[] }>("/v1/rollouts?limit=1");
      return get<RolloutView>(`/v1/rollouts/${items[0]?.id}`);
    },
    members: async (id) =>
      (await get<{ items: RolloutDevice[] }>(`/v1/rollouts/${id}/devices?limit=500`)).items,
    startHub: async () => {
      const ports = ["--http-port", String(httpPort), "--mqtt-port", String(mqttPort)];
      const data = ["--data", join(directory, "hub"), "--repository", repository.path];
      hub = run("hub/main.ts", [...data, ...ports, "--poll-seconds", "1", "--log-level", "error"]);
      await until("the hub is ready", isReady);
    },
    killHub: async () => {
      if (hub === undefined) return;
      const exited = once(hub, "exit");
      hub.kill("SIGKILL");
      await exited;
    },
    startDevices: async (count) => {
      const models = "Raspberry Pi 3,Raspberry Pi 4,Raspberry Pi 5,Raspberry Pi 5";
      run("scripts/run.mjs", [
        ...["scripts/simulate/main.ts", "--hub", url, "--token-file", tokenFile],
        ...["--devices", String(count), "--sites", "5", "--models", models, "--seconds", "3600"],
        ...["--apply-seconds", "0.3", "--heartbeat-seconds", "5"],
      ]);
      const look = async (): Promise<true | false> => {
        const { items } = await get<{ items: SimDevice[] }>("/v1/devices?limit=500&health=Healthy");
        return items.length === count && items.every(({ sync }) => sync === "Synced");
      };
      await until("all devices are healthy", look);
    },
    stop: async () => {
      const ending = [...running].map(async (child) => {
        const exited = once(child, "exit");
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), 8000);
        await exited;
        clearTimeout(timer);
      });
      await Promise.all(ending);
      repository.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
