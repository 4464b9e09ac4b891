// Names the Compose keys of a service that mean nothing for a process. Pure.
import type { ComposeService } from "#shared/compose/model.ts";

/** Keys as the file spells them. Honest about what an operator may believe to be enforced: limits and
 *  isolation. Networks, images and names are left out: nobody expects them of a process. */
export function unenforcedKeys(service: ComposeService): string[] {
  const { resources } = service;
  const asked: Record<string, boolean> = {
    "deploy.resources.limits.cpus": resources.cpus !== undefined,
    "deploy.resources.limits.memory": resources.memoryBytes !== undefined,
    "deploy.resources.limits.pids": resources.pids !== undefined,
    cpuset: resources.cpuset !== undefined,
    read_only: service.readOnly,
    cap_drop: service.capDrop.length > 0,
    security_opt: service.securityOptions.length > 0,
    ulimits: Object.keys(service.ulimits).length > 0,
    sysctls: Object.keys(service.sysctls).length > 0,
    "ports (a range)": service.ports.some((port) => port.publishedEnd !== undefined),
    tmpfs: service.mounts.some((mount) => mount.type === "tmpfs"),
  };
  return Object.keys(asked).filter((key) => asked[key]);
}
