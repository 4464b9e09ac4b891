// Refuses what two copies of one service cannot have at the same time, where a service is handed over.
import { type ComposeService, isHandedOver } from "#shared/compose/model.ts";
import { at, type Field, fail, items } from "./field.ts";
import { normalisePorts } from "./ports.ts";

const besides = "while an update is handed over, two copies run side by side";

/** @param field the service in the file, for the places of what is refused */
export function refuseUnshareable(field: Field, service: ComposeService): void {
  if (!isHandedOver(service)) return;
  refusePorts(at(field, "ports"));
  const { networkMode } = service;
  if (networkMode !== undefined && networkMode !== "bridge" && networkMode !== "none") {
    refuse(at(field, "network_mode"), `a network namespace of others cannot be shared: ${besides}`);
  }
  if (service.macAddress !== undefined) {
    refuse(at(field, "mac_address"), `a fixed MAC address is refused: ${besides}`);
  }
  for (const [name, network] of Object.entries(service.networks)) {
    const { ipv4Address, ipv6Address, macAddress } = network;
    if ((ipv4Address ?? ipv6Address ?? macAddress) === undefined) continue;
    refuse(at(field, "networks", name), `a fixed address is refused: ${besides}`);
  }
}

function refusePorts(ports: Field): void {
  for (const item of items(ports)) {
    for (const { protocol, published, publishedEnd } of normalisePorts(item)) {
      if (published === undefined) continue;
      if (protocol !== "tcp") {
        const what = `published port ${published}/${protocol}`;
        refuse(item, `${what} is refused: only TCP connections can be handed over`);
      } else if (publishedEnd !== undefined) {
        const what = `published range ${published}-${publishedEnd}`;
        refuse(item, `the ${what} is refused: all copies share one port`);
      }
    }
  }
}

function refuse(field: Field, message: string): void {
  const hint = "Change it, or drop x-fleet.update from the service.";
  fail(field, message, { code: "compose_unsupported", hint });
}
