// A hub, a fleet repository with a clone to work in, and simulated devices, all in one temporary directory.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { exitCodes } from "#hub/cli/exit.ts";
import { createHubClient } from "#scripts/start/hub_client.ts";
import { freePorts } from "#scripts/start/ports.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";

export interface StoryWorld {
  /** Runs one command line on a terminal of 100 columns, in the clone, again where a busy hub did not answer it;
   *  returns all that it wrote. */
  type(command: string): Promise<string>;
  /** Commits in the clone without pushing. */
  commit(subject: string, files: Readonly<Record<string, string>>): void;
  stop(): Promise<void>;
}

interface Options {
  files: Readonly<Record<string, string>>;
  devices: number;
  models: readonly string[];
}

const root = join(import.meta.dirname, "..", "..");
const startMs = 600_000;
/** The story goes on without a straggler, as a rollout does. */
const enoughShare = 0.9;
const firstPort = 27_080;
const author = ["-c", "user.name=Robots", "-c", "user.email=robots@example.org"];

export async function createStoryWorld({ files, devices, models }: Options): Promise<StoryWorld> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-story-"));
  const [origin, clone] = [join(directory, "origin.git"), join(directory, "fleet")];
  const running: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of running.toReversed()) await end(child);
    rmSync(directory, { recursive: true, force: true });
  };
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", clone, ...author, ...args], { encoding: "utf8" });
  const commit: StoryWorld["commit"] = (subject, changed) => {
    write(clone, changed);
    git("add", "--all");
    git("commit", "--quiet", "-m", subject);
  };
  const start = (entry: string, args: readonly string[]): void => {
    const words = [join(root, "scripts", "run.mjs"), entry, ...args];
    running.push(spawn(process.execPath, words, { cwd: root, stdio: "ignore" }));
  };
  try {
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", origin]);
    execFileSync("git", ["clone", "--quiet", origin, clone], { stdio: "ignore" });
    commit("A fleet of robots", files);
    git("push", "--quiet", "--set-upstream", "origin", "main");
    const [http = 0, mqtt = 0] = await freePorts(firstPort, 2);
    const url = `http://127.0.0.1:${http}`;
    const data = join(directory, "hub");
    start("hub/main.ts", [
      ...["--data", data, "--repository", origin, "--poll-seconds", "3600"],
      ...["--http-port", String(http), "--mqtt-port", String(mqtt)],
    ]);
    const tokenFile = join(data, "operator.token");
    const readToken = (): string => readFileSync(tokenFile, "utf8").trim();
    const hub = createHubClient(url, () => Promise.resolve(readToken()));
    await hub.ready(AbortSignal.timeout(startMs));
    start("scripts/simulate/main.ts", [
      ...["--hub", url, "--token-file", tokenFile, "--devices", String(devices), "--sites", "5"],
      ...["--prefix", "pi", "--models", models.join(","), "--seconds", "3600"],
      ...["--apply-seconds", "2", "--heartbeat-seconds", "5"],
    ]);
    const environment = terminalOf(directory, url, readToken());
    await untilWell(hub, devices);
    return { type: (command) => type(command, clone, environment), commit, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function write(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

async function untilWell(hub: ReturnType<typeof createHubClient>, devices: number): Promise<void> {
  const end = clock.monotonicMs() + startMs;
  while (clock.monotonicMs() < end) {
    // A hub that enrols so many at once may be slow to answer.
    const known = await hub.devices().catch(() => []);
    const well = known.filter(({ health }) => health === "Healthy").length;
    if (known.length === devices && well >= enoughShare * devices) return;
    await clock.sleep(500);
  }
  throw new FleetError("internal", { message: `the devices were not healthy in ${startMs} ms` });
}

/** Where `fleet` is a command, signed in. */
function terminalOf(directory: string, url: string, token: string): NodeJS.ProcessEnv {
  const bin = join(directory, "bin");
  const program = `exec "${process.execPath}" "${join(root, "scripts", "run.mjs")}" hub/cli/main.ts "$@"`;
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "fleet"), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
  return {
    ...{ PATH: `${bin}:${process.env["PATH"]}`, HOME: directory, SHELL: "/bin/sh" },
    ...{ TERM: "xterm-256color", LANG: "C.UTF-8", GIT_PAGER: "cat" },
    ...{ FLEET_HUB: url, FLEET_TOKEN: token },
  };
}

async function type(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  for (let triesLeft = 5; ; triesLeft -= 1) {
    const { written, code } = await typeOnce(command, cwd, env);
    if (code !== exitCodes.unreachable || triesLeft === 0) return written;
  }
}

/** By util-linux' `script`, which gives the command a terminal of its own. */
async function typeOnce(command: string, cwd: string, env: NodeJS.ProcessEnv) {
  const line = `stty cols 100 rows 50; ${command}`;
  const child = spawn("script", ["-qefc", line, "/dev/null"], { cwd, env });
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { written, code };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  child.kill("SIGTERM");
  await ended;
  clearTimeout(timer);
}
