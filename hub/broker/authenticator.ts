// Knows devices by their secret and operators by their token, both kept only as sha256.
import { timingSafeEqual } from "node:crypto";
import type { Bus } from "#hub/bus.ts";
import type { Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import { DeviceId } from "#shared/ids.ts";
import type { Authenticator } from "./port.ts";

interface Options {
  store: Pick<Store, "secretHash" | "operatorByHash">;
  /** Tells of enrolments, which replace secrets. */
  bus: Bus;
}

export interface CachingAuthenticator extends Authenticator {
  /** Forgets a device's secret, for a revoked or replaced identity. */
  forget(device: DeviceId): void;
}

/** Right answers are remembered, so that a fleet that comes back at once costs the store nothing. */
export function createAuthenticator({ store, bus }: Options): CachingAuthenticator {
  const hashes = new Map<DeviceId, string>();
  let forgotten = 0;
  const forget = (device: DeviceId): void => {
    hashes.delete(device);
    forgotten += 1;
  };
  bus.on("membership", forget);

  /** Read again when a secret was replaced meanwhile: the old one must neither pass nor be remembered. */
  const currentHash = async (id: DeviceId): Promise<string | null> => {
    for (;;) {
      const before = forgotten;
      const stored = await store.secretHash(id);
      if (before === forgotten) return stored;
    }
  };
  const device: Authenticator["device"] = async (name, secret) => {
    const id = DeviceId.safeParse(name).data;
    if (id === undefined) return null;
    const presented = sha256(secret);
    if (sameHash(presented, hashes.get(id))) return { kind: "device", id };
    const stored = await currentHash(id);
    if (stored === null || !sameHash(presented, stored)) return null;
    hashes.set(id, stored);
    return { kind: "device", id };
  };
  return {
    device,
    operator: async (token) => {
      const known = await store.operatorByHash(sha256(token));
      return known === null ? null : { kind: "operator", name: known.name };
    },
    forget,
  };
}

function sameHash(presented: string, stored: string | undefined): boolean {
  if (stored?.length !== presented.length) return false;
  return timingSafeEqual(Buffer.from(presented), Buffer.from(stored));
}
