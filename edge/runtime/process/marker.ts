// The environment variable that marks every process of a copy, so that none can be lost.
import { createHash, randomBytes } from "node:crypto";

export const markerVariable = "METRICA_FLEET_INSTANCE";

/** `<device>/<app>/<service>/<index>/<nonce>[/aside]`. */
export interface Marker {
  device: string;
  app: string;
  service: string;
  index: number;
  /** `<owner>.<random>`: names one run of one copy. */
  nonce: string;
  /** A healthcheck or hook: runs beside the copy and is never taken for it. */
  aside: boolean;
}

export function formatMarker(marker: Marker): string {
  const { device, app, service, index, nonce } = marker;
  return [device, app, service, index, nonce, ...(marker.aside ? ["aside"] : [])].join("/");
}

export function parseMarker(text: string): Marker | undefined {
  const [device, app, service, index, nonce, aside] = text.split("/");
  if (device === undefined || app === undefined || service === undefined) return undefined;
  if (index === undefined || nonce === undefined) return undefined;
  return { device, app, service, index: Number(index), nonce, aside: aside !== undefined };
}

/** Tells two agents with the same device id on one machine apart, also after their state was deleted. */
export function ownerOf(directory: string): string {
  return createHash("sha256").update(directory).digest("hex").slice(0, 12);
}

export function newNonce(owner: string): string {
  return `${owner}.${randomBytes(8).toString("hex")}`;
}
