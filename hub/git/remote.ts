// The address of the fleet repository, taken apart into what may be shown and what may not.
import { lstatSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { FleetError } from "#shared/errors.ts";

interface Credentials {
  username: string;
  password: string;
}

export interface Remote {
  /** For git and for people: never with a password in it. */
  url: string;
  credentials?: Credentials;
  /** Absolute, when the repository is a directory of this machine. */
  localPath?: string;
}

/** @param url a path, `file://`, `https://` or `ssh://` address, or `user@host:path`
 *  @throws FleetError config_invalid */
export function parseRemote(url: string, credentials?: Credentials): Remote {
  if (url === "" || url.startsWith("-")) throw refused(url);
  if (/^https?:\/\//.test(url)) return webRemote(url, credentials);
  if (url.startsWith("file://")) return localRemote(fileURLToPath(url));
  const elsewhere = url.includes("://") || /^[^/]+:/.test(url);
  return elsewhere ? { url } : localRemote(resolve(url));
}

function localRemote(localPath: string): Remote {
  return { url: localPath, localPath };
}

function webRemote(text: string, given: Credentials | undefined): Remote {
  if (!URL.canParse(text)) throw refused(text);
  const url = new URL(text);
  const inUrl = url.username === "" ? undefined : decoded(url);
  url.username = "";
  url.password = "";
  const credentials = given ?? inUrl;
  return { url: url.href, ...(credentials === undefined ? {} : { credentials }) };
}

function decoded(url: URL): Credentials {
  return {
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

function refused(url: string): FleetError {
  return new FleetError("config_invalid", {
    message: `"${url}" is not the address of a Git repository`,
    hint: "Give a path, or an https:// or ssh:// address.",
  });
}

/** Whether git refuses the local repository because it belongs to another user. */
export function isForeign(localPath: string): boolean {
  const uid = process.getuid?.();
  if (uid === undefined) return false;
  const places = [localPath, join(localPath, ".git")].flatMap((path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat === undefined ? [] : [stat];
  });
  return places.some((stat) => stat.uid !== uid);
}

/** Whether there is a directory at all. */
export function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
