// Finds out who holds a host port: a container, or any other program by a real bind.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { ContainerSummary } from "#edge/runtime/docker/calls/api.ts";
import type { ComposeService, Port } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";

/** A port that a service wants on the host. */
export interface WantedPort {
  service: string;
  port: number;
  protocol: Port["protocol"];
  /** Empty: all addresses. */
  hostIp: string;
}

export function wantedPorts(service: string, spec: ComposeService): WantedPort[] {
  if (spec.networkMode === "host") return [];
  return spec.ports.flatMap(({ published, protocol, hostIp }) =>
    published === undefined ? [] : [{ service, port: published, protocol, hostIp: hostIp ?? "" }],
  );
}

/** The container that publishes the port. */
export function holderOf(
  wanted: WantedPort,
  containers: readonly ContainerSummary[],
): ContainerSummary | undefined {
  return containers.find((container) =>
    container.Ports.some(
      (held) =>
        held.PublicPort === wanted.port &&
        held.Type === wanted.protocol &&
        overlap(held.IP ?? "", wanted.hostIp),
    ),
  );
}

const everywhere = new Set(["", "0.0.0.0", "::"]);

export function overlap(one: string, other: string): boolean {
  return one === other || everywhere.has(one) || everywhere.has(other);
}

/** The first port of the list that another service or copy asks for too. */
export function askedTwice(wanted: readonly WantedPort[]): [WantedPort, WantedPort] | undefined {
  for (const [position, one] of wanted.entries()) {
    const other = wanted
      .slice(position + 1)
      .find(
        (next) =>
          next.port === one.port &&
          next.protocol === one.protocol &&
          overlap(next.hostIp, one.hostIp),
      );
    if (other !== undefined) return [one, other];
  }
  return undefined;
}

/** Whether a program on this host holds the port. What cannot be tried (no right to bind below 1024, an
 *  address of another host) counts as free: the Engine has the last word. */
export async function isBound({ port, protocol, hostIp }: WantedPort): Promise<boolean> {
  const host = hostIp === "" ? "0.0.0.0" : hostIp;
  if (protocol === "sctp") return false;
  const code = protocol === "udp" ? await tryUdp(port, host) : await tryTcp(port, host);
  return code === "EADDRINUSE";
}

function tryTcp(port: number, host: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const server = createServer();
  server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  return promise;
}

function tryUdp(port: number, host: string): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.once("error", (error: NodeJS.ErrnoException) => {
    socket.close();
    resolve(error.code);
  });
  socket.bind({ port, address: host, exclusive: true }, () =>
    socket.close(() => resolve(undefined)),
  );
  return promise;
}

export function portTaken(wanted: WantedPort, holder: string | undefined): FleetError {
  const by = holder ?? "another program on this device";
  return new FleetError("port_taken", {
    message: `service ${wanted.service} wants host port ${wanted.port}/${wanted.protocol}, which is held by ${by}`,
    hint: "Stop what holds the port, or publish another one.",
    subject: `${wanted.port}/${wanted.protocol}`,
  });
}
