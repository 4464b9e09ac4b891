// A whole fleet for system tests: the real hub and agents as processes over a sample repository.
import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Children } from "#scripts/start/children.ts";
import { type Fleet, startFleet } from "#scripts/start/fleet.ts";
import { createFollower, isConverged } from "#scripts/start/follow.ts";
import { prepareSample } from "#scripts/start/sample.ts";
import type { AppReport, InstanceReport, ReportedState } from "#shared/reported.ts";
import { takePorts } from "./ports.ts";

const run = promisify(execFile);

export interface TestDevice {
  id: string;
  connection: string;
  sync: string;
  health: string;
  desiredGeneration: number;
  apps: Pick<AppReport, "name" | "sync" | "health" | "current">[];
  reported?: ReportedState | null;
}

export interface TestFleet {
  fleet: Fleet;
  /** Where hub and devices keep everything. */
  data: string;
  repository: string;
  mqttPort: number;
  /** Of the first device's own page; the others follow. */
  pagePort: number;
  token: string;
  statusPort(device: string): Promise<number>;
  edit(file: string, change: (text: string) => string): Promise<void>;
  /** Commits everything and tells the hub by the webhook. */
  commit(message: string): Promise<string>;
  git(...args: string[]): Promise<string>;
  poke(): Promise<void>;
  api<T>(path: string): Promise<T>;
  devices(): Promise<TestDevice[]>;
  app(device: string, name: string): Promise<AppReport>;
  instances(device: string, app: string, service: string): Promise<InstanceReport[]>;
  /** Polls until the condition holds. */
  until<T>(what: string, look: () => Promise<T | undefined | false>, limitMs?: number): Promise<T>;
  converged(limitMs?: number): Promise<void>;
  /** @returns the pid that it had */
  kill(name: string): number;
  stop(): Promise<void>;
}

/** Long, since what comes in time costs nothing: agents and hub that died often start again after ten seconds. */
const convergingMs = 120_000;

export async function launchFleet(settings: {
  runtime: "docker" | "process";
  image?: string;
  devices?: number;
  /** Who keeps hub and agents running; by default as `npm start` does. */
  children?: Children;
}): Promise<TestFleet> {
  const data = await mkdtemp(join(tmpdir(), "fleet-system-"));
  const count = settings.devices ?? 3;
  const [httpPort, mqttPort = 0] = await takePorts(2);
  const [pagePort] = await takePorts(count);
  const [statusPort] = await takePorts(count);
  const devices = Array.from({ length: count }, (_, at) => `t${process.pid}-${at + 1}`);
  const image = settings.image ?? "busybox:1.36";
  const { directory: repository } = await prepareSample(join(data, "fleet"), {
    ...{ devices, image, statusPort },
  });
  await run("git", ["-C", repository, "config", "user.name", "Test"]);
  await run("git", ["-C", repository, "config", "user.email", "test@localhost"]);
  const options = {
    ...{
      data,
      devices: count,
      httpPort,
      mqttPort,
      pagePort,
      statusPort,
      runtime: settings.runtime,
    },
    ...{ once: false, json: true, timeout: 120 },
  };
  const plan = { options, data, repository, runtime: settings.runtime, devices, say: () => {} };
  const fleet = await startFleet(plan, settings.children);
  const token = (await readFile(join(data, "hub/operator.token"), "utf8")).trim();

  const call = async (path: string, method = "GET"): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, fleet.url), { method, headers });
    assert.ok(response.ok, `${method} ${path} answered ${response.status}`);
    return response;
  };
  const poke = async (): Promise<void> => void (await call("/v1/git/webhook", "POST"));
  const git = async (...args: string[]): Promise<string> =>
    (await run("git", ["-C", repository, ...args])).stdout.trim();
  const api = async <T>(path: string): Promise<T> => (await (await call(path)).json()) as T;
  const app = async (device: string, name: string): Promise<AppReport> => {
    const { reported } = await api<TestDevice>(`/v1/devices/${device}`);
    const found = reported?.apps.find((one) => one.name === name);
    assert.ok(found, `${device} has no app ${name}`);
    return found;
  };

  const until: TestFleet["until"] = async (what, look, limitMs = convergingMs) => {
    const deadline = performance.now() + limitMs;
    while (performance.now() < deadline) {
      const seen = await look().catch(() => undefined);
      if (seen !== undefined && seen !== false) return seen;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${what}: not within ${limitMs} ms`);
  };

  return {
    ...{ fleet, data, repository, mqttPort, pagePort, token, git, poke, api, app, until },
    statusPort: async (device) => {
      const text = await readFile(join(repository, "devices", `${device}.yaml`), "utf8");
      return Number(/STATUS_PORT: (\d+)/.exec(text)?.[1]);
    },
    edit: async (file, change) => {
      const path = join(repository, file);
      const before = await readFile(path, "utf8");
      const after = change(before);
      assert.notEqual(after, before, `the edit of ${file} changed nothing`);
      await writeFile(path, after);
    },
    commit: async (message) => {
      await git("add", "--all");
      await git("commit", "--quiet", "-m", message);
      await poke();
      return git("rev-parse", "HEAD");
    },
    devices: async () => (await api<{ items: TestDevice[] }>("/v1/devices?limit=100")).items,
    instances: async (device, name, service) =>
      (await app(device, name)).services.find((one) => one.name === service)?.instances ?? [],
    converged: async (limitMs = convergingMs) => {
      const follower = createFollower(fleet, () => {});
      const { devices: reached } = await follower.untilConverged(AbortSignal.timeout(limitMs));
      const behind = reached.filter((device) => !isConverged(device)).map(({ id }) => id);
      assert.deepEqual(behind, []);
      assert.equal(reached.length, count);
    },
    kill: (name) => {
      const pid = fleet.children.pid(name);
      assert.ok(pid !== undefined);
      process.kill(pid, "SIGKILL");
      return pid;
    },
    stop: async () => {
      await fleet.children.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}
