// Knows devices by the secrets that the store has, and one operator.
import type { Authenticator } from "#hub/broker/port.ts";
import type { Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import type { DeviceId } from "#shared/ids.ts";

export function authenticatorOf(store: Store, operatorToken: string): Authenticator {
  return {
    device: async (id, secret) => {
      const hash = await store.secretHash(id as DeviceId);
      return hash === sha256(secret) ? { kind: "device", id: id as DeviceId } : null;
    },
    operator: async (token) =>
      token === operatorToken ? { kind: "operator", name: "admin" } : null,
  };
}
