// Finds out who holds a host port: a container, or any other program by a real bind.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import type { ContainerSummary } from "#edge/runtime/docker/calls/api.ts";
import { type ComposeService, forwardedPorts, type Port } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";

/** A port that a copy of a service wants on the host: any one of a range. */
export interface WantedPort {
  service: string;
  first: number;
  /** The same as the first, but for a range. */
  last: number;
  protocol: Port["protocol"];
  /** Empty: all addresses. */
  hostIp: string;
}

export interface HostPort {
  port: number;
  protocol: Port["protocol"];
  /** Empty: all addresses. */
  hostIp: string;
}

/** Of each copy: ports that its container binds itself. */
export function wantedPorts(service: string, spec: ComposeService): WantedPort[] {
  if (spec.networkMode === "host") return [];
  const forwarded: readonly Port[] = forwardedPorts(spec);
  return asWanted(
    service,
    spec.ports.filter((port) => !forwarded.includes(port)),
  );
}

/** Of all copies together: ports that the device holds for them. */
export function wantedForwards(service: string, spec: ComposeService): WantedPort[] {
  return asWanted(service, forwardedPorts(spec));
}

function asWanted(service: string, ports: readonly Port[]): WantedPort[] {
  return ports.flatMap(({ published: first, publishedEnd, protocol, hostIp }) =>
    first === undefined
      ? []
      : [{ service, first, last: publishedEnd ?? first, protocol, hostIp: hostIp ?? "" }],
  );
}

function hostPorts({ first, last, protocol, hostIp }: WantedPort): HostPort[] {
  const count = last - first + 1;
  return Array.from({ length: count }, (_, step) => ({ port: first + step, protocol, hostIp }));
}

/** The container that publishes the port. */
export function holderOf(
  wanted: HostPort,
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

/** The first port of the range that nobody holds, or why there is none.
 *  @param holder who holds a port, in words that end a sentence */
export async function choosePort(
  wanted: WantedPort,
  holder: (port: HostPort) => Promise<string | undefined>,
): Promise<HostPort | FleetError> {
  let by: string | undefined;
  for (const port of hostPorts(wanted)) {
    by = await holder(port);
    if (by === undefined) return port;
  }
  return portTaken(wanted, by ?? otherProgram);
}

const everywhere = new Set(["", "0.0.0.0", "::"]);

function overlap(one: string, other: string): boolean {
  return one === other || everywhere.has(one) || everywhere.has(other);
}

export function isSame(one: HostPort, other: HostPort): boolean {
  return (
    one.port === other.port && one.protocol === other.protocol && overlap(one.hostIp, other.hostIp)
  );
}

/** Whether a program on this host holds the port. What cannot be tried (no right to bind below 1024, an
 *  address of another host) counts as free: the Engine has the last word. */
export async function isBound({ port, protocol, hostIp }: HostPort): Promise<boolean> {
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

export const otherProgram = "another program on this device";

function portTaken(wanted: WantedPort, holder: string): FleetError {
  const { service, first, last, protocol } = wanted;
  const isRange = last > first;
  const subject = isRange ? `${first}-${last}/${protocol}` : `${first}/${protocol}`;
  const wants = isRange ? `one host port of ${subject} for each copy` : `host port ${subject}`;
  const held = isRange ? "and too few of them are free: the last is" : "which is";
  return new FleetError("port_taken", {
    message: `service ${service} wants ${wants}, ${held} held by ${holder}`,
    hint: "Stop what holds the port, or publish another one.",
    subject,
  });
}
