// Makes the sample fleet repository: a real Git repository to commit to.
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { FleetError } from "#shared/errors.ts";
import { freePorts } from "./ports.ts";

const run = promisify(execFile);
const sites = ["north", "south", "harbour"];

export interface SampleFleet {
  devices: readonly string[];
  /** Container image of the services that bring none. */
  image: string;
  /** From which port on the devices' status services look for a free one. */
  statusPort: number;
}

export interface SampleRepository {
  directory: string;
  made: boolean;
}

/** A repository with three sites, two roles and the branch `staging`; one that is there stays as it is,
 *  but for devices that it does not know yet. */
export async function prepareSample(
  directory: string,
  { devices, image, statusPort }: SampleFleet,
): Promise<SampleRepository> {
  const made = !(await exists(join(directory, ".git")));
  if (made) await copySample(directory, image);
  const added = await addDevices(directory, devices, statusPort);
  if (made) await commitAll(directory, "A fleet with three sites and two roles");
  else if (added > 0) await commitAll(directory, `Add ${added} devices`);
  if (made) await git(directory, ["branch", "staging"]);
  return { directory, made };
}

/** @throws FleetError command_missing */
export async function requireGit(): Promise<void> {
  try {
    await run("git", ["--version"]);
  } catch (cause) {
    throw new FleetError("command_missing", {
      message: "the program git is not on this machine, or not on the PATH",
      hint: "Install git: a fleet lives in a Git repository.",
      cause,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function copySample(directory: string, image: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await cp(join(import.meta.dirname, "sample"), directory, { recursive: true });
  await useImage(join(directory, "fleet.yaml"), image);
  await git(directory, ["init", "--quiet", "--initial-branch=main"]);
  await nameAuthor(directory);
}

async function useImage(file: string, image: string): Promise<void> {
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/^( +IMAGE: ).*$/m, `$1${image}`));
}

async function git(directory: string, args: string[]): Promise<void> {
  await run("git", ["-C", directory, ...args]);
}

async function commitAll(directory: string, message: string): Promise<void> {
  await git(directory, ["add", "--all"]);
  await git(directory, ["commit", "--quiet", "-m", message]);
}

/** Where the person has not told git a name yet, the sample brings one: its commits want an author. */
async function nameAuthor(directory: string): Promise<void> {
  const known = await run("git", ["-C", directory, "config", "user.email"]).catch(() => undefined);
  if (known !== undefined) return;
  await git(directory, ["config", "user.name", "Metrica Fleet"]);
  await git(directory, ["config", "user.email", "fleet@localhost"]);
}

/** One file for each device: its labels, and a port of its own since all of them share this machine. */
async function addDevices(
  directory: string,
  devices: readonly string[],
  firstStatusPort: number,
): Promise<number> {
  const folder = join(directory, "devices");
  await mkdir(folder, { recursive: true });
  const known = await readdir(folder);
  const missing = devices.filter((device) => !known.includes(`${device}.yaml`));
  const ports = await freePorts(firstStatusPort + known.length, missing.length);
  for (const [at, device] of missing.entries()) {
    const text = deviceFile(devices.indexOf(device), ports[at] ?? firstStatusPort + at);
    await writeFile(join(folder, `${device}.yaml`), text);
  }
  return missing.length;
}

function deviceFile(index: number, statusPort: number): string {
  const site = sites[index % sites.length];
  const display = index % sites.length === 1 ? "no" : "yes";
  const segment = index % sites.length === 2 ? "canary" : "fleet";
  return [
    "apiVersion: metrica.fleet/v1",
    "kind: Device",
    "labels:",
    `  site: ${site}`,
    `  segment: ${segment}`,
    '  robots: "yes"',
    `  display: "${display}"`,
    "values:",
    `  STATUS_PORT: ${statusPort}`,
    "",
  ].join("\n");
}
