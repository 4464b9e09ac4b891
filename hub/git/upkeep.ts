// Keeps the mirror's directory whole: clones it, fetches into it, and clones again when it is damaged.
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Git, GitCall } from "./git.ts";
import { isDirectory, type Remote } from "./remote.ts";

const localDeadlineMs = 60_000;
const tidyDeadlineMs = 600_000;
const fetchesBetweenTidying = 500;
/** Commits that stay though no branch has them any more. */
export const keptRefs = "refs/kept";

interface UpkeepOptions {
  git: Git;
  remote: Remote;
  directory: string;
  /** For one exchange with the remote. */
  fetchDeadlineMs: number;
}

export interface Upkeep {
  /** Whether there is a mirror to read. */
  exists(): Promise<boolean>;
  /** What was read made no sense: the next update clones again. */
  distrust(): void;
  /** Brings the branches up to date. Throws what git threw when the remote does not answer. */
  update(signal?: AbortSignal): Promise<void>;
}

export function createUpkeep({ git, remote, directory, fetchDeadlineMs }: UpkeepOptions): Upkeep {
  const local: GitCall = { directory, deadlineMs: localDeadlineMs };
  let distrusted = false;
  let found = false;
  let fetches = 0;

  const succeeds = (args: string[]): Promise<boolean> => succeeded(git.text(args, local));
  /** Asked of git once: a poll is to cost few processes, and damage shows where it hurts. */
  const exists = async (): Promise<boolean> => {
    if (!isDirectory(directory)) return false;
    found ||= await succeeds(["rev-parse", "--git-dir"]);
    return found;
  };
  const fetchInto = async (target: string, signal?: AbortSignal): Promise<void> => {
    const call = { directory: target, deadlineMs: fetchDeadlineMs };
    await git.text(fetchArguments(remote), signal === undefined ? call : { ...call, signal });
  };
  /** Needs no repository, so it works beside a damaged mirror. */
  const askRemote = (): Promise<string> =>
    git.text(["ls-remote", "--symref", remote.url, "HEAD"], {
      directory: "/",
      deadlineMs: fetchDeadlineMs,
    });
  /** The mirror's HEAD names the remote's own branch; asked again when that branch is gone. */
  const followHead = async (target: string): Promise<void> => {
    const call = { ...local, directory: target };
    const stands = git.text(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], call);
    if (await succeeded(stands)) return;
    const name = /^ref: (refs\/heads\/\S+)\tHEAD$/m.exec(await askRemote())?.[1];
    if (name !== undefined) await git.text(["symbolic-ref", "HEAD", name], call);
  };
  const isDamaged = async (): Promise<boolean> => {
    return (
      (await succeeded(askRemote())) &&
      !(await succeeds(["fsck", "--connectivity-only", "--no-dangling"]))
    );
  };
  /** What was to be kept may be nowhere else; what the damage took is left behind. */
  const bringKept = async (target: string): Promise<void> => {
    const list = ["for-each-ref", "--format=%(refname)", keptRefs];
    const names = await git.text(list, local).catch(() => "");
    for (const name of names.split("\n").filter((line) => line !== "")) {
      const bring = ["fetch", "--quiet", "--no-tags", directory, `+${name}:${name}`];
      await git.text(bring, { ...local, directory: target }).catch(() => undefined);
    }
  };
  const clone = async (signal?: AbortSignal): Promise<void> => {
    const partial = `${directory}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await git.text(["init", "--quiet", "--bare"], { ...local, directory: partial });
    await fetchInto(partial, signal);
    await followHead(partial);
    if (isDirectory(directory)) await bringKept(partial);
    await setAside(directory);
    await rename(partial, directory);
    distrusted = false;
  };
  const tidy = async (): Promise<void> => {
    fetches += 1;
    if (fetches % fetchesBetweenTidying !== 0) return;
    const call = { directory, deadlineMs: tidyDeadlineMs };
    // What it fails at is tried again at the next turn.
    await git.text(["gc", "--auto", "--quiet"], call).catch(() => undefined);
  };

  return {
    exists,
    distrust: () => {
      distrusted = true;
    },
    update: async (signal) => {
      if (distrusted || !(await exists())) return clone(signal);
      try {
        await fetchInto(directory, signal);
      } catch (cause) {
        if (signal?.aborted === true) throw cause;
        if (await clearLeftovers(directory)) await fetchInto(directory, signal);
        else if (await isDamaged()) await clone(signal);
        else throw cause;
      }
      await followHead(directory);
      await tidy();
    },
  };
}

function succeeded(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

function fetchArguments(remote: Remote): string[] {
  // Without the last one nothing comes of a repository that is itself a shallow clone, and git calls that success.
  const options = ["--quiet", "--prune", "--no-tags", "--no-auto-maintenance", "--update-shallow"];
  return ["fetch", ...options, remote.url, "+refs/heads/*:refs/heads/*"];
}

/** Locks, and halves of objects and packs, stay when git or its machine is killed, or its disk is full. Nobody else works
 *  in a mirror, so they are nobody's: a lock would stop every fetch from then on, and halves fill the disk.
 *  @returns whether there was a lock */
async function clearLeftovers(directory: string): Promise<boolean> {
  const under = async (folder: string): Promise<string[]> => {
    const names = await readdir(join(directory, folder), { recursive: true }).catch(() => []);
    return names.map((name) => join(folder, name));
  };
  const objects = await under("objects");
  const halves = objects.filter((path) => basename(path).startsWith("tmp_"));
  const places = [...(await readdir(directory).catch(() => [])), ...(await under("refs"))];
  const locks = places.filter((path) => path.endsWith(".lock"));
  for (const path of [...halves, ...locks]) await rm(join(directory, path), { force: true });
  return locks.length > 0;
}

/** The last damaged mirror stays for whoever wants to know what happened to it. */
async function setAside(directory: string): Promise<void> {
  if (!isDirectory(directory)) return;
  const aside = `${directory}.damaged`;
  await rm(aside, { recursive: true, force: true });
  await rename(directory, aside);
}
