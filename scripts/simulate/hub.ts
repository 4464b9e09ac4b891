// A hub of the simulator's own: the real program, in a temporary directory, gone with it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import { makeRepository } from "./repository.ts";

export interface OwnHub {
  url: string;
  operatorToken: string;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, "..", "..");
const startMs = 30_000;
const stopMs = 10_000;

/** The line of the hub's log that says where it listens. */
const Started = z.object({ url: z.string(), tokenFile: z.string() });

/** @throws FleetError hub_unreachable with the end of its log when it does not start */
export async function startHub(sites: number): Promise<OwnHub> {
  const directory = await mkdtemp(join(tmpdir(), "fleet-simulate-"));
  await makeRepository(join(directory, "repository"), sites);
  const child = spawnHub(directory);
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await exited;
    clearTimeout(timer);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const { url, tokenFile } = await address(child, exited);
    return { url, operatorToken: (await readFile(tokenFile, "utf8")).trim(), stop };
  } catch (cause) {
    await stop();
    throw new FleetError("hub_unreachable", {
      message: "the simulator's own hub does not start",
      hint: "Its output is above; `npm run hub` starts one alone.",
      cause,
    });
  }
}

function spawnHub(directory: string) {
  const child = spawn(
    process.execPath,
    [
      join(root, "scripts", "run.mjs"),
      "hub/main.ts",
      ...["--data", join(directory, "hub"), "--repository", join(directory, "repository")],
      ...["--http-port", "0", "--mqtt-port", "0"],
    ],
    // The channel ends the hub when this process is gone; a group of its own keeps Ctrl-C from it, so
    // that the devices can say goodbye first.
    { cwd: root, detached: true, stdio: ["ignore", "pipe", "inherit", "ipc"] },
  );
  child.stdout?.pipe(createWriteStream(join(directory, "hub.log")));
  return child;
}

async function address(
  child: ReturnType<typeof spawnHub>,
  exited: Promise<unknown>,
): Promise<z.infer<typeof Started>> {
  const { promise, resolve, reject } = Promise.withResolvers<z.infer<typeof Started>>();
  const timer = setTimeout(() => reject(new Error(`no address within ${startMs} ms`)), startMs);
  void exited.then(() => reject(new Error("the hub has ended")));
  if (child.stdout === null) throw new TypeError("the hub has no output");
  createInterface({ input: child.stdout }).on("line", (line) => {
    const started = Started.safeParse(parsed(line));
    if (started.success) resolve(started.data);
  });
  return await promise.finally(() => clearTimeout(timer));
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
