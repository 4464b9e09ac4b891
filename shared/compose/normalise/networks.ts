// Networks and volumes at the top of the file, and how a service is attached to networks.
import type { ComposeNetwork, ComposeVolume, NetworkAttachment } from "#shared/compose/model.ts";
import {
  allEntries,
  at,
  entries,
  type Field,
  fail,
  flag,
  integer,
  isList,
  isMap,
  isSet,
  items,
  present,
  sorted,
  text,
  textMap,
  texts,
  warn,
} from "./field.ts";

const interfaceNameOption = "com.docker.network.endpoint.ifname";

/** @see Compose specification, "networks" of a service */
export function normaliseAttachments(service: Field): Record<string, NetworkAttachment> {
  const networks = at(service, "networks");
  const mode = at(service, "network_mode");
  if (isSet(mode) && isSet(networks)) {
    fail(networks, "cannot stand beside network_mode", { hint: "Keep one of them." });
  }
  if (isSet(mode)) return {};
  if (isList(networks))
    return sorted(texts(networks).map((name) => [name, attachment(at(networks))]));
  const named = allEntries(networks).map(([name, entry]) => [name, attachment(entry)] as const);
  return sorted(named.length === 0 ? [["default", attachment(networks)]] : named);
}

function attachment(field: Field): NetworkAttachment {
  if (isSet(at(field, "gw_priority"))) warn(at(field, "gw_priority"), "is ignored");
  const interfaceName = text(at(field, "interface_name"));
  const driverOptions = textMap(at(field, "driver_opts"));
  return {
    aliases: texts(at(field, "aliases")),
    linkLocalIps: texts(at(field, "link_local_ips")),
    driverOptions:
      interfaceName === undefined
        ? driverOptions
        : sorted([...Object.entries(driverOptions), [interfaceNameOption, interfaceName]]),
    ...present({
      ipv4Address: text(at(field, "ipv4_address")),
      ipv6Address: text(at(field, "ipv6_address")),
      macAddress: text(at(field, "mac_address")),
      priority: integer(at(field, "priority")),
    }),
  };
}

/** Top-level `networks`. */
export function normaliseNetworks(field: Field): Record<string, ComposeNetwork> {
  return sorted(entries(field).map(([name, entry]) => [name, network(name, entry)]));
}

/** What Compose makes where a service names no network. */
export const defaultNetwork: ComposeNetwork = {
  external: false,
  driverOptions: {},
  internal: false,
  attachable: false,
  enableIpv6: false,
  labels: {},
};

function network(key: string, field: Field): ComposeNetwork {
  if (flag(at(field, "enable_ipv4")) === false) warn(at(field, "enable_ipv4"), "is ignored");
  const ipam = at(field, "ipam");
  return {
    ...identity(key, field),
    driverOptions: textMap(at(field, "driver_opts")),
    internal: flag(at(field, "internal")) ?? false,
    attachable: flag(at(field, "attachable")) ?? false,
    enableIpv6: flag(at(field, "enable_ipv6")) ?? false,
    labels: textMap(at(field, "labels")),
    ...present({ ipam: isSet(ipam) ? addresses(ipam) : undefined }),
  };
}

function addresses(ipam: Field): NonNullable<ComposeNetwork["ipam"]> {
  return {
    options: textMap(at(ipam, "options")),
    config: items(at(ipam, "config")).map((pool) => ({
      auxAddresses: textMap(at(pool, "aux_addresses")),
      ...present({
        subnet: text(at(pool, "subnet")),
        ipRange: text(at(pool, "ip_range")),
        gateway: text(at(pool, "gateway")),
      }),
    })),
    ...present({ driver: text(at(ipam, "driver")) }),
  };
}

/** Top-level `volumes`. */
export function normaliseVolumes(field: Field): Record<string, ComposeVolume> {
  return sorted(
    entries(field).map(([name, entry]) => [
      name,
      {
        ...identity(name, entry),
        driverOptions: textMap(at(entry, "driver_opts")),
        labels: textMap(at(entry, "labels")),
      },
    ]),
  );
}

/** An external one is made by somebody else, so nothing but its name may be said about it. */
function identity(key: string, field: Field): Pick<ComposeNetwork, "name" | "external" | "driver"> {
  const external = at(field, "external");
  const isExternal = isMap(external) || flag(external) === true;
  const name = text(at(field, "name")) ?? text(at(external, "name"));
  if (!isExternal)
    return { external: false, ...present({ name, driver: text(at(field, "driver")) }) };
  for (const [other, entry] of entries(field)) {
    if (other !== "external" && other !== "name") fail(entry, "contradicts external: true");
  }
  return { external: true, name: name ?? key };
}
