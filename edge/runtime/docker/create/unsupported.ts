// Names what a service asks for that the Engine's API is too old to carry. Pure.
import type { ComposeService } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";

interface Need {
  key: string;
  minor: number;
  asked(spec: ComposeService): boolean;
}

/** An older Engine leaves these out without a word; mounting a whole volume for a subpath is worst. */
const needs: readonly Need[] = [
  { key: "annotations", minor: 43, asked: (spec) => Object.keys(spec.annotations).length > 0 },
  {
    key: "healthcheck.start_interval",
    minor: 44,
    asked: (spec) => spec.healthcheck?.startIntervalMs !== undefined,
  },
  {
    key: "networks.mac_address",
    minor: 44,
    // One endpoint's address can be said of the container itself.
    asked: ({ networks }) =>
      Object.keys(networks).length > 1 &&
      Object.values(networks).some((attachment) => attachment.macAddress !== undefined),
  },
  {
    key: "volumes.volume.subpath",
    minor: 45,
    asked: (spec) =>
      spec.mounts.some((mount) => mount.type === "volume" && mount.subpath !== undefined),
  },
];

/** The keys, each with the API version that it needs; none means that all can be carried. */
export function unsupported(spec: ComposeService, apiMinor: number): string[] {
  return needs
    .filter((need) => apiMinor < need.minor && need.asked(spec))
    .map((need) => `${need.key} (API 1.${need.minor})`);
}

/** @throws FleetError runtime_refused */
export function refuseUnsupported(service: string, spec: ComposeService, apiMinor: number): void {
  const keys = unsupported(spec, apiMinor);
  if (keys.length === 0) return;
  throw new FleetError("runtime_refused", {
    message: `service ${service} uses what this device's Docker Engine (API 1.${apiMinor}) does not know: ${keys.join(", ")}`,
    hint: "Use a newer Docker Engine on the device, or leave the key out.",
  });
}
