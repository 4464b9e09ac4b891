// A Docker Engine of the harness's own: stopped, killed and hung without touching the machine's.
import { execFile, spawn } from "node:child_process";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { type Afterwards, afterwards } from "./afterwards.ts";
import { packBusybox } from "./engine_image.ts";
import { until } from "./until.ts";

const run = promisify(execFile);

export interface Engine {
  readonly socket: string;
  /** Waits until it answers. Containers that ran go on. */
  start(): Promise<void>;
  /** SIGTERM; containers go on. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: it takes connections and answers nothing. */
  pause(): void;
  resume(): void;
  /** The client's words. @returns its standard output */
  docker(...args: string[]): Promise<string>;
  /** Ends it with its containers and networks. */
  release(): Promise<void>;
}

/** Devices with containers on an Engine that faults may stop. */
export const dockerWorld = { runtime: "docker", engine: true, devices: 1 } as const;

const startMs = 60_000;
const graceMs = 20_000;
const clientMs = 60_000;

/** Runs below the directory alone. It makes no rules in the machine's firewall: what containers publish is
 *  carried by its own proxies. Needs root.
 *  @param image the name under which it knows an image with busybox */
export async function startEngine(directory: string, image: string): Promise<Engine> {
  const socket = join(directory, "docker.sock");
  const pidFile = join(directory, "docker.pid");
  const ending = join(import.meta.dirname, "engine_end.ts");
  let gone: Promise<void> = Promise.resolve();
  let daemon: number | undefined;

  const docker = async (...args: string[]): Promise<string> => {
    const all = ["--host", `unix://${socket}`, ...args];
    return (await run("docker", all, { timeout: clientMs })).stdout.trim();
  };
  const signal = (name: NodeJS.Signals): void => {
    if (daemon !== undefined) process.kill(daemon, name);
  };
  const start = async (): Promise<void> => {
    const log = await open(join(directory, "dockerd.log"), "a");
    // It survives the harness; what ends it then is the process that waits for that.
    const child = spawn("dockerd", argumentsOf(directory, socket, pidFile), {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    child.once("error", () => undefined);
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    gone = ended.then(() => {
      daemon = undefined;
    });
    await log.close();
    await until("a Docker Engine", () => dockerAnswers(socket), { limitMs: startMs });
    daemon = Number(await readFile(pidFile, "utf8"));
  };
  const endBy = async (name: NodeJS.Signals): Promise<void> => {
    signal("SIGCONT");
    signal(name);
    const timer = setTimeout(() => signal("SIGKILL"), graceMs);
    await gone;
    clearTimeout(timer);
    await endContainerd(join(directory, "run", "containerd", "containerd.pid"));
  };

  await mkdir(directory, { recursive: true });
  const end: Afterwards = afterwards([process.execPath, ending, directory]);
  try {
    await start();
    const archive = join(directory, "busybox.tar");
    await packBusybox(archive);
    await docker("import", archive, image);
  } catch (error) {
    await end.run();
    throw error;
  }
  return {
    ...{ socket, start, docker },
    stop: () => endBy("SIGTERM"),
    kill: () => endBy("SIGKILL"),
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    release: () => end.run(),
  };
}

function argumentsOf(directory: string, socket: string, pidFile: string): string[] {
  const space = `fleet-faults-${process.pid}`;
  return [
    ...["--host", `unix://${socket}`, "--pidfile", pidFile],
    ...["--data-root", join(directory, "data"), "--exec-root", join(directory, "run")],
    // Where the machine's containerd is used, its other users do not see each other.
    ...["--containerd-namespace", space, "--containerd-plugins-namespace", `${space}-plugins`],
    // Without a bridge of its own name: told "none", it would delete the one of the machine's Engine.
    ...["--iptables=false", "--ip6tables=false"],
    ...["--ip-masq=false", "--ip-forward=false", "--live-restore"],
    ...["--default-address-pool", "base=10.213.0.0/16,size=27"],
  ];
}

/** It goes with the daemon, a moment later; the next one must not take it for alive meanwhile, nor the
 *  zombie that it may stay. */
async function endContainerd(pidFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  if (pid === 0) return;
  const isGone = async (): Promise<boolean> => {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return command === "";
  };
  await until("the end of containerd", isGone, { limitMs: graceMs });
  await rm(pidFile, { force: true });
}
