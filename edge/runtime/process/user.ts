// Whom a process runs as: the agent's own user, or any other when the agent is root.
import { readFileSync } from "node:fs";
import { FleetError } from "#shared/errors.ts";

export interface RunAs {
  uid?: number;
  gid?: number;
  home?: string;
}

/** @param user Compose's `user`: `name|uid[:group|gid]`
 *  @throws FleetError runtime_refused when the agent may not become that user or nobody has that name */
export function resolveUser(user: string | undefined, service: string): RunAs {
  if (user === undefined || user === "") return {};
  const [name = "", group] = user.split(":");
  const entry = findEntry("/etc/passwd", name);
  const uid = numeric(name) ?? numeric(entry?.[2]);
  const gid =
    group === undefined
      ? (numeric(entry?.[3]) ?? uid)
      : (numeric(group) ?? numeric(findEntry("/etc/group", group)?.[2]));
  if (uid === undefined || gid === undefined) {
    throw refusal(service, `no user or group ${user} on this machine`);
  }
  if (uid === process.getuid?.() && (group === undefined || gid === process.getgid?.())) return {};
  if (process.getuid?.() !== 0) {
    throw refusal(service, `user ${user} is not the agent's own, and only root may change it`);
  }
  return { uid, gid, ...(entry?.[5] === undefined ? {} : { home: entry[5] }) };
}

function refusal(service: string, reason: string): FleetError {
  return new FleetError("runtime_refused", {
    subject: service,
    message: `Service ${service} cannot run as a process: ${reason}.`,
    hint: "Drop `user`, run the agent as root, or use the docker runtime.",
  });
}

/** The line of a passwd or group file, by name or by number. */
function findEntry(file: string, key: string): string[] | undefined {
  const column = numeric(key) === undefined ? 0 : 2;
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find((fields) => fields[column] === key);
}

function numeric(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
