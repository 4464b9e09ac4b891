// Reads what git prints about refs, commits, trees and objects; pure.
import { FleetError } from "#shared/errors.ts";

/** An entry of a commit's tree. */
export interface TreeEntry {
  /** Relative to the root, with `/`. */
  path: string;
  kind: "file" | "executable" | "symlink" | "submodule" | "directory";
  /** Object id: equal content, equal id. */
  id: string;
  /** Bytes; 0 for a directory and a submodule. */
  size: number;
}

export interface CommitInfo {
  commit: string;
  author: string;
  /** First line of its message. */
  subject: string;
  /** Unix ms. */
  committedAt: number;
}

const kinds: Readonly<Record<string, TreeEntry["kind"]>> = {
  "100644": "file",
  "100664": "file",
  "100755": "executable",
  "120000": "symlink",
  "160000": "submodule",
  "040000": "directory",
};

const treeLine = /^(\d{6}) (?:blob|tree|commit) ([0-9a-f]+) +(\d+|-)\t(.+)$/s;

/** Entries of `git ls-tree -r -t -z -l`. */
export function parseTree(output: string): TreeEntry[] {
  return output
    .split("\0")
    .filter((line) => line !== "")
    .map(parseEntry);
}

function parseEntry(line: string): TreeEntry {
  const [, mode = "", id = "", size = "", path = ""] = treeLine.exec(line) ?? [];
  const kind = kinds[mode];
  if (kind === undefined) throw unreadable(`tree entry "${line}"`);
  return { path, kind, id, size: size === "-" ? 0 : Number(size) };
}

/** Bytes by object id, from the output of `git cat-file --batch`.
 *  @throws FleetError store_unavailable when an object is missing: the mirror is damaged */
export function parseBatch(output: Buffer): Map<string, Buffer> {
  const objects = new Map<string, Buffer>();
  let at = 0;
  while (at < output.length) {
    const end = output.indexOf("\n", at);
    const head = output.toString("latin1", at, end);
    const [, id, size] = /^([0-9a-f]+) blob (\d+)$/.exec(head) ?? [];
    if (id === undefined || size === undefined) throw unreadable(head);
    const start = end + 1;
    objects.set(id, output.subarray(start, start + Number(size)));
    at = start + Number(size) + 1;
  }
  return objects;
}

/** Commit by branch, from lines `<commit> <branch>`. */
export function parseHeads(output: string): Map<string, string> {
  const lines = output.split("\n").filter((line) => line !== "");
  return new Map(
    lines.map((line) => {
      const space = line.indexOf(" ");
      return [line.slice(space + 1), line.slice(0, space)];
    }),
  );
}

/** From `<author> NUL <Unix seconds> NUL <subject>`. */
export function parseInfo(commit: string, output: string): CommitInfo {
  const [author = "", seconds = "0", subject = ""] = output.trimEnd().split("\0");
  return { commit, author, subject, committedAt: Number(seconds) * 1000 };
}

/** From lines `<commit> NUL <author> NUL <Unix seconds> NUL <subject>`. */
export function parseInfos(output: string): CommitInfo[] {
  const lines = output.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [commit = "", ...rest] = line.split("\0");
    return parseInfo(commit, rest.join("\0"));
  });
}

function unreadable(what: string): FleetError {
  return new FleetError("store_unavailable", {
    message: `the hub's mirror of the fleet repository cannot be read: ${what}`,
    hint: "Nothing to do: the mirror is cloned again at the next fetch.",
  });
}
