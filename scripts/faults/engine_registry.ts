// An image registry of the harness's own, which can be away.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "#scripts/start/ports.ts";
import type { Engine } from "./engine.ts";
import { packBusybox } from "./engine_image.ts";
import { until } from "./until.ts";

export interface Registry {
  start(): Promise<void>;
  /** SIGKILL: connections are reset, and new ones refused. */
  kill(): Promise<void>;
  /** Puts an image of so many bytes beside busybox there; the Engine itself does not keep it.
   *  @returns its reference */
  offer(engine: Engine, name: string, bytes: Buffer): Promise<string>;
}

const startMs = 20_000;
const firstPort = 26_000;

/** An Engine takes plain HTTP from the loopback net.
 *  @param directory where it keeps images and its log */
export async function createRegistry(directory: string): Promise<Registry> {
  const [port = 0] = await freePorts(firstPort + (process.pid % 100) * 10, 1);
  const host = `127.0.0.1:${port}`;
  const file = join(directory, "registry.yml");
  let child: ChildProcess | undefined;
  let gone: Promise<void> = Promise.resolve();
  await mkdir(directory, { recursive: true });
  await writeFile(file, configOf(directory, host));

  const answers = async (): Promise<boolean> => {
    const signal = AbortSignal.timeout(1000);
    return (await fetch(`http://${host}/v2/`, { signal })).ok;
  };
  return {
    start: async () => {
      const started = spawn("docker-registry", ["serve", file], { stdio: "ignore" });
      gone = new Promise((resolve) => started.once("close", () => resolve()));
      child = started;
      await until("the registry", answers, { limitMs: startMs });
    },
    kill: async () => {
      child?.kill("SIGKILL");
      await gone;
    },
    offer: async (engine, name, bytes) => {
      const reference = `${host}/${name}`;
      const archive = join(directory, "image.tar");
      await packBusybox(archive, { "srv/filling": bytes });
      await engine.docker("import", archive, reference);
      await engine.docker("push", "--quiet", reference);
      await engine.docker("rmi", reference);
      return reference;
    },
  };
}

function configOf(directory: string, host: string): string {
  return `version: 0.1
log:
  level: error
storage:
  filesystem:
    rootdirectory: ${join(directory, "registry")}
http:
  addr: ${host}
`;
}
