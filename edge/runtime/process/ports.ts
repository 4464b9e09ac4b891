// Finds out by binding whether host ports are free.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { FleetError } from "#shared/errors.ts";
import type { HostPort } from "./launch.ts";

export interface WantedPort extends HostPort {
  service: string;
}

/** @param held ports that copies of the same app hold now and will give up
 *  @throws FleetError port_taken, runtime_refused */
export async function checkPorts(
  wanted: readonly WantedPort[],
  held: readonly HostPort[],
): Promise<void> {
  const seen = new Map<string, WantedPort>();
  for (const port of wanted) {
    const twin = seen.get(keyOf(port));
    if (twin !== undefined && twin.service !== port.service) {
      throw portTaken(port, `service ${twin.service} of the same app publishes it too`);
    }
    seen.set(keyOf(port), port);
  }
  const heldKeys = new Set(held.map(keyOf));
  for (const [key, port] of seen) if (!heldKeys.has(key)) await checkFree(port);
}

function keyOf({ port, protocol }: HostPort): string {
  return `${port}/${protocol}`;
}

async function checkFree(port: WantedPort): Promise<void> {
  const errno = await tryBind(port);
  if (errno === "EADDRINUSE") throw portTaken(port, "another program listens on it");
  if (errno === "EACCES") {
    throw new FleetError("runtime_refused", {
      subject: port.service,
      message: `Service ${port.service} may not listen on port ${port.port}: only root may.`,
      hint: "Use a port above 1023, or run the agent as root.",
    });
  }
}

export function portTaken(port: WantedPort, reason: string): FleetError {
  return new FleetError("port_taken", {
    subject: port.service,
    message: `Port ${keyOf(port)} that service ${port.service} needs is taken: ${reason}.`,
    hint: "Stop that program or give the service another port.",
  });
}

/** The errno of a bind on the port, or undefined when it went well. Other failures than a taken port
 *  (an address that is not there yet) are left for the process itself to meet. */
export async function tryBind(port: HostPort): Promise<string | undefined> {
  if (port.protocol === "sctp") return undefined;
  const bind = port.protocol === "udp" ? bindUdp : bindTcp;
  if (port.hostIp !== undefined) return bind(port.port, port.hostIp);
  const errno = await bind(port.port, "::");
  return errno === "EAFNOSUPPORT" || errno === "EADDRNOTAVAIL" ? bind(port.port, "0.0.0.0") : errno;
}

async function bindTcp(port: number, host: string): Promise<string | undefined> {
  const server = createServer();
  return errnoOf(async () => {
    server.listen({ port, host, exclusive: true });
    await once(server, "listening");
    server.close();
    await once(server, "close");
  });
}

async function bindUdp(port: number, address: string): Promise<string | undefined> {
  const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4" });
  const errno = await errnoOf(async () => {
    socket.bind({ port, address, exclusive: true });
    await once(socket, "listening");
  });
  socket.close();
  return errno;
}

async function errnoOf(action: () => Promise<void>): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
