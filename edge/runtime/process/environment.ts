// The environment of a process: a small base of its own, never the agent's.
import { userInfo } from "node:os";
import { dirname } from "node:path";

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What every program may count on. The agent's own Node comes last on the PATH, so that a service
 *  written for `node` runs on a machine that has none. */
export function baseEnvironment(home?: string): Record<string, string> {
  return {
    PATH: `${systemPath}:${dirname(process.execPath)}`,
    HOME: home ?? userInfo().homedir,
    LANG: "C.UTF-8",
  };
}

/** Variables that a shell drops, replaces or reads itself; they must reach the program through `env`.
 *  @see POSIX.1-2024, XBD 8.1: names outside [A-Za-z_][A-Za-z0-9_]* may be dropped by a shell */
export function needsEnv(name: string): boolean {
  return !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || shellOwned.has(name);
}

const shellOwned = new Set(["IFS", "OPTIND", "PPID", "PWD", "OLDPWD", "SHLVL", "ENV", "PS4", "_"]);
