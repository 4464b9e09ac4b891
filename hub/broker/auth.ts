// Decides over every connection, message and subscription of the embedded broker.
//
// What happens when a rule is broken:
//   wrong password               refused with code 4, after a delay per address
//   another's client id or will  refused with codes 2 and 5
//   persistent session asked     treated as clean; CONNACK says that no session is present
//   publish outside the rules    the connection ends: MQTT 3.1.1 has no refusal of a PUBLISH, and an
//                                acknowledged message that nobody stores would be a lie
//   subscribe outside the rules, or to more than 100 filters
//                                answered 0x80 in the SUBACK; the connection stays
//   forward outside the rules    the message is left out
// Certificates will answer `identify` another way; nothing else here changes.
import type { DeviceId } from "#shared/ids.ts";
import { type Authenticator, operatorUsername, type Principal } from "./port.ts";
import { mayRead, maySubscribe, type PublishRefusal, publishRefusal } from "./rules.ts";
import type { Throttle } from "./throttle.ts";

/** A connection as the hooks need it; aedes' Client is one. */
export interface Peer {
  id: string;
  conn: object;
  close(): void;
}

interface Will {
  topic: string;
  payload: string | Uint8Array;
  qos: number;
  retain: boolean;
}

interface Publication {
  topic: string;
  payload: string | Uint8Array;
  qos: number;
  retain: boolean;
}

export type ConnectRefusal = "bad_credentials" | "bad_client_id" | "bad_will" | "store_failed";

export type Admission =
  | { admitted: true }
  | { admitted: false; reason: ConnectRefusal; returnCode: 2 | 3 | 4 | 5 };

export interface Access {
  /** The will of a CONNECT packet, to be judged once it is known who sends it. */
  announce(peer: Peer, will: Will | undefined): void;
  admit(peer: Peer, username: string, password: string, address: string): Promise<Admission>;
  /** Why this message is refused; null when it may pass. */
  refusePublish(peer: Peer, message: Publication): PublishRefusal | "superseded" | null;
  maySubscribe(peer: Peer, filter: string): boolean;
  mayRead(peer: Peer, topic: string): boolean;
  /** The device's newest connection. */
  connectionOf(device: DeviceId): Peer | undefined;
  left(peer: Peer): void;
}

export function createAccess(authenticator: Authenticator, throttle: Throttle): Access {
  const principals = new WeakMap<Peer, Principal>();
  const wills = new WeakMap<Peer, Will>();
  const newest = new Map<DeviceId, Peer>();
  const filters = new WeakMap<Peer, Set<string>>();

  const refused = (reason: ConnectRefusal): Admission => ({
    admitted: false,
    reason,
    returnCode: returnCodes[reason],
  });
  /** The old connection's will comes after the new one is there; it tells nothing of the device. */
  const isSuperseded = (peer: Peer, who: Principal): boolean => {
    const current = who.kind === "device" ? newest.get(who.id) : undefined;
    return current !== undefined && current !== peer;
  };
  const hasRoom = (peer: Peer, filter: string): boolean => {
    const asked = filters.get(peer) ?? new Set();
    filters.set(peer, asked.size < maxFilters ? asked.add(filter) : asked);
    return asked.has(filter);
  };
  const judge = (peer: Peer, who: Principal): ConnectRefusal | null => {
    const will = wills.get(peer);
    // Equal, not a prefix: with `pi-1` a device could otherwise take over `pi-10`'s connection.
    if (who.kind === "device" && peer.id !== who.id) return "bad_client_id";
    return will !== undefined && publishRefusal(who, will) !== null ? "bad_will" : null;
  };
  return {
    announce: (peer, will) => {
      if (will !== undefined) wills.set(peer, will);
    },
    admit: async (peer, username, password, address) => {
      const who = await identify(authenticator, username, password).catch(() => "failed" as const);
      if (who === "failed") return refused("store_failed");
      if (who === null) {
        await throttle.penalty(address);
        return refused("bad_credentials");
      }
      const reason = judge(peer, who);
      if (reason !== null) return refused(reason);
      if (who.kind === "device") newest.set(who.id, peer);
      // Operators' client ids get a space of their own: none can take over a device's connection.
      else peer.id = `operator/${who.name}/${peer.id}`;
      principals.set(peer, who);
      return { admitted: true };
    },
    refusePublish: (peer, message) => {
      const who = principals.get(peer);
      if (who === undefined) return "foreign_topic";
      const isWill = message === wills.get(peer);
      return isWill && isSuperseded(peer, who) ? "superseded" : publishRefusal(who, message);
    },
    maySubscribe: (peer, filter) =>
      holds(principals.get(peer), (who) => maySubscribe(who, filter)) && hasRoom(peer, filter),
    mayRead: (peer, topic) => holds(principals.get(peer), (who) => mayRead(who, topic)),
    connectionOf: (device) => newest.get(device),
    left: (peer) => {
      const who = principals.get(peer);
      if (who?.kind === "device" && newest.get(who.id) === peer) newest.delete(who.id);
    },
  };
}

/** Different filters that one connection may ask for: each with a wildcard is tried on every message. */
const maxFilters = 100;

const returnCodes = {
  bad_client_id: 2,
  store_failed: 3,
  bad_credentials: 4,
  bad_will: 5,
} as const satisfies Record<ConnectRefusal, 2 | 3 | 4 | 5>;

function identify(
  authenticator: Authenticator,
  username: string,
  password: string,
): Promise<Principal | null> {
  if (username === operatorUsername) return authenticator.operator(password);
  return authenticator.device(username, password);
}

function holds(who: Principal | undefined, rule: (who: Principal) => boolean): boolean {
  return who !== undefined && rule(who);
}
