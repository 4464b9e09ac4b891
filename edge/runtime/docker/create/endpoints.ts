// Maps a service's networks, aliases, addresses, links and ports to the Engine's endpoints. Pure.
import type { EndpointSettings, HostConfig } from "#edge/runtime/docker/calls/api.ts";
import type { InstanceRef, ResolvedApp } from "#edge/runtime/port.ts";
import {
  type ComposeService,
  forwardedPorts,
  type NetworkAttachment,
  type Port,
} from "#shared/compose/model.ts";
import { containerName, namespaceOf, networkName, serviceOf } from "./names.ts";

/** The first Engine API that takes several endpoints, and their MAC addresses, at create. */
export const severalEndpointsMinor = 44;

export interface Endpoints {
  networkMode: string | undefined;
  /** By the network's name on the Engine, the primary one first. */
  all: [network: string, settings: EndpointSettings][];
}

/** The network with the highest priority comes first and gives the default route. */
export function endpointsOf(app: ResolvedApp, ref: InstanceRef): Endpoints {
  const { spec } = serviceOf(app, ref.service);
  if (spec.networkMode !== undefined) {
    return { networkMode: namespaceOf(app, spec.networkMode), all: [] };
  }
  const keys = Object.entries(spec.networks).sort(
    ([keyA, a], [keyB, b]) => (b.priority ?? 0) - (a.priority ?? 0) || keyA.localeCompare(keyB),
  );
  const all = keys.map(([key, attachment]): [string, EndpointSettings] => {
    const network = networkName(app, key);
    return [network, settingsOf(app, ref, network, attachment)];
  });
  return { networkMode: all[0]?.[0], all };
}

const predefined = new Set(["host", "none", "bridge", "default"]);

function settingsOf(
  app: ResolvedApp,
  ref: InstanceRef,
  network: string,
  attachment: NetworkAttachment,
): EndpointSettings {
  // The Engine refuses aliases on its own networks.
  if (predefined.has(network)) return {};
  const { spec } = serviceOf(app, ref.service);
  const aliases = [ref.service, containerName(app, ref.service, ref.index), ...attachment.aliases];
  const address = {
    IPv4Address: attachment.ipv4Address,
    IPv6Address: attachment.ipv6Address,
    LinkLocalIPs: attachment.linkLocalIps.length === 0 ? undefined : attachment.linkLocalIps,
  };
  const fixed = Object.values(address).some((part) => part !== undefined);
  return {
    Aliases: [...new Set(aliases)],
    Links: linksOf(app, spec),
    IPAMConfig: fixed ? address : undefined,
    MacAddress: attachment.macAddress,
    DriverOpts: attachment.driverOptions,
  };
}

/** Every copy of a linked service, under its alias and under compose's own names for it. */
export function linksOf(app: ResolvedApp, spec: ComposeService): string[] {
  const internal = spec.links.flatMap((link) => {
    const [service = "", alias = service] = link.split(":");
    const copies = serviceOf(app, service).spec.replicas;
    return Array.from({ length: copies }, (_, copy) => {
      const name = containerName(app, service, copy + 1);
      return [alias, `${service}-${copy + 1}`, name].map((as) => `${name}:${as}`);
    }).flat();
  });
  const external = spec.externalLinks.map((link) =>
    link.includes(":") ? link : `${link}:${link}`,
  );
  return [...new Set([...internal, ...external])];
}

/** What the device forwards is only exposed: it holds the host's port itself. */
export function portsOf(spec: ComposeService): {
  exposed: Record<string, Record<string, never>>;
  bindings: NonNullable<HostConfig["PortBindings"]>;
} {
  const bindings: NonNullable<HostConfig["PortBindings"]> = {};
  const forwarded = forwardedPorts(spec);
  for (const port of spec.ports) {
    if (forwarded.some((one) => one === port)) continue;
    const key = `${port.target}/${port.protocol}`;
    bindings[key] = [...(bindings[key] ?? []), bindingOf(port)];
  }
  const inside = forwarded.map(({ target, protocol }) => `${target}/${protocol}`);
  const keys = [...Object.keys(bindings), ...inside, ...spec.expose.flatMap(exposedKeys)];
  return { exposed: Object.fromEntries(keys.map((key) => [key, {}])), bindings };
}

/** An absent host port is the Engine's to pick; of a range it takes the first that is free. */
function bindingOf({ hostIp, published, publishedEnd }: Port): {
  HostIp: string;
  HostPort: string;
} {
  const range = publishedEnd === undefined ? `${published}` : `${published}-${publishedEnd}`;
  return { HostIp: hostIp ?? "", HostPort: published === undefined ? "" : range };
}

/** `8000-8002/udp` is three ports; the protocol is tcp where none is given. */
function exposedKeys(expose: string): string[] {
  const [range = "", protocol = "tcp"] = expose.split("/");
  const [first = Number.NaN, last = first] = range.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, step) => `${first + step}/${protocol}`);
}
