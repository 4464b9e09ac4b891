// Where an app reaches the agent: a Unix socket of its own, in a directory that only the agent writes.
import { chmod, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AppName } from "#shared/ids.ts";

/** Where a container finds that directory. */
export const telemetryTarget = "/run/fleet-telemetry";
const socketName = "socket";
/** What fits into sockaddr_un.sun_path with its closing zero. @see unix(7) */
const maxPathBytes = 107;

/** No app's name begins with a dot, so this is nobody's lock directory: an app that could write here could
 *  put a link where the agent opens the socket to everyone. */
export function telemetryDirectory(runDirectory: string, app: AppName): string {
  return join(runDirectory, ".telemetry", app);
}

export function telemetrySocket(directory: string): string {
  return join(directory, socketName);
}

/** Makes the app's directory, which a reboot may have taken away.
 *  @returns undefined where the agent may not write there, or a socket's path would be too long */
export async function makeTelemetryPlace(
  runDirectory: string | undefined,
  app: AppName,
): Promise<string | undefined> {
  if (runDirectory === undefined) return undefined;
  const directory = telemetryDirectory(runDirectory, app);
  if (Buffer.byteLength(telemetrySocket(directory)) > maxPathBytes) return undefined;
  try {
    await mkdir(directory, { recursive: true });
    // Whatever the umask: a workload that is not root has to pass.
    for (const each of [dirname(directory), directory]) await chmod(each, 0o755);
    return directory;
  } catch {
    return undefined;
  }
}

/** What one copy is told: the socket says which app posts, the address which copy of it. */
export function telemetryEnvironment(
  directory: string,
  { service, index }: { service: string; index: number },
): Record<string, string> {
  return {
    FLEET_TELEMETRY_SOCKET: telemetrySocket(directory),
    FLEET_TELEMETRY_URL: `http://localhost/v1/telemetry/${encodeURIComponent(service)}/${index}`,
  };
}
