// A bare mirror of the fleet repository, read by commit.
import { resolve } from "node:path";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { createGit, GitFailure } from "./git.ts";
import type { CommitInfo, TreeEntry } from "./objects.ts";
import { parseBatch, parseHeads, parseInfo, parseInfos, parseTree } from "./objects.ts";
import { isForeign, type Remote } from "./remote.ts";
import { createUpkeep, keptRefs } from "./upkeep.ts";

export interface Mirror {
  /** Brings the mirror up to date, force-pushed and deleted branches included; clones it when there is
   *  none, or a damaged one.
   *  @throws FleetError repository_unreachable; what was fetched before stays readable */
  fetch(signal?: AbortSignal): Promise<void>;
  /** Commit by branch, as of the last fetch; none before the first. */
  heads(): Promise<Map<string, string>>;
  /** The branch that the remote's HEAD named when it was last asked; undefined before the first fetch. */
  defaultBranch(): Promise<string | undefined>;
  has(commit: string): Promise<boolean>;
  /** Entries under the given paths, directories included. */
  entries(commit: string, paths: readonly string[]): Promise<TreeEntry[]>;
  /** Bytes by object id. All are held in memory: bound their sizes first. */
  read(ids: readonly string[]): Promise<Map<string, Buffer>>;
  commitInfo(commit: string): Promise<CommitInfo>;
  /** Commits after one up to another, oldest first, by first parents: a merge stands for what it brought.
   *  @returns undefined when the first is not in the history of the second, or either is gone */
  commitsBetween(after: string, upTo: string): Promise<CommitInfo[] | undefined>;
  /** Holds the commit under a name, so that neither force-push nor clean-up takes its objects. */
  keep(name: string, commit: string): Promise<void>;
  /** Something is missing that should be there: the next fetch clones again. */
  distrust(): void;
}

interface MirrorOptions {
  remote: Remote;
  /** Made when missing, and the mirror's own: what is no mirror is set aside. */
  directory: string;
  /** For one exchange with the remote. */
  fetchDeadlineMs?: number;
}

const readDeadlineMs = 60_000;

export function createMirror({
  remote,
  fetchDeadlineMs = 60_000,
  ...options
}: MirrorOptions): Mirror {
  const directory = resolve(options.directory);
  const git = createGit(remote);
  const upkeep = createUpkeep({ git, remote, directory, fetchDeadlineMs });
  const call = { directory, deadlineMs: readDeadlineMs };

  const text = (...args: string[]): Promise<string> => git.text(args, call);
  const reading = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      upkeep.distrust();
      throw unreadable(directory, cause);
    }
  };
  const asking = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw unreachable(remote, cause);
    }
  };

  return {
    distrust: upkeep.distrust,
    fetch: (signal) => asking(upkeep.update(signal)),
    heads: async () => {
      if (!(await upkeep.exists())) return new Map();
      return reading(text("for-each-ref", `--format=${headFormat}`, "refs/heads").then(parseHeads));
    },
    defaultBranch: async () => {
      if (!(await upkeep.exists())) return undefined;
      return (await reading(text("symbolic-ref", "--short", "HEAD"))).trim();
    },
    has: async (commit) => {
      try {
        await text("cat-file", "-e", `${commit}^{commit}`);
        return true;
      } catch (cause) {
        if (cause instanceof GitFailure) return false;
        throw unreadable(directory, cause);
      }
    },
    entries: (commit, paths) => reading(text(...listTree, commit, "--", ...paths).then(parseTree)),
    read: async (ids) => {
      const input = [...new Set(ids)].map((id) => `${id}\n`).join("");
      if (input === "") return new Map();
      return reading(git.objects(["--batch", "--buffer"], { ...call, input }).then(parseBatch));
    },
    commitInfo: (commit) =>
      reading(
        text("log", "-1", `--format=${infoFormat}`, commit).then((out) => parseInfo(commit, out)),
      ),
    commitsBetween: async (after, upTo) => {
      const isOlder = await text("merge-base", "--is-ancestor", after, upTo).then(
        () => true,
        () => false,
      );
      if (!isOlder) return undefined;
      const range = ["--first-parent", "--reverse", `${after}..${upTo}`];
      return reading(text("log", `--format=${lineFormat}`, ...range).then(parseInfos));
    },
    keep: async (name, commit) => {
      await reading(text("update-ref", `${keptRefs}/${encodeURIComponent(name)}`, commit));
    },
  };
}

const headFormat = "%(objectname) %(refname:lstrip=2)";
const infoFormat = "%an%x00%ct%x00%s";
const lineFormat = `%H%x00${infoFormat}`;
const listTree = ["ls-tree", "-r", "-t", "-z", "-l", "--full-tree"];

function unreadable(directory: string, cause: unknown): FleetError {
  const known = asFleetError(cause);
  if (known.code !== "internal") return known;
  return new FleetError("store_unavailable", {
    message: `the mirror of the fleet repository in ${directory} cannot be read: ${known.message}`,
    hint: "Nothing to do: it is cloned again at the next fetch.",
    cause,
  });
}

function unreachable(remote: Remote, cause: unknown): FleetError {
  const known = asFleetError(cause);
  if (known.code === "command_missing" || known.code === "interrupted") return known;
  if (remote.localPath !== undefined && isForeign(remote.localPath)) return foreign(remote, cause);
  const reason = cause instanceof GitFailure ? cause.reason : known.message;
  return new FleetError("repository_unreachable", {
    message: `the fleet repository ${remote.url} cannot be fetched: ${reason}`,
    hint: "Check the address, the network, the hub's right to read the repository and the room on its disk.",
    subject: remote.url,
    cause,
  });
}

function foreign(remote: Remote, cause: unknown): FleetError {
  return new FleetError("repository_unreachable", {
    message: `the fleet repository ${remote.url} belongs to another user, so git refuses to read it`,
    hint: "Run the hub as the repository's owner, change the owner, or give an ssh:// or https:// address.",
    subject: remote.url,
    cause,
  });
}
