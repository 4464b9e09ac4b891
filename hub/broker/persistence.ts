// What aedes keeps between packets, cut down to this hub's case: retained messages, and no sessions.
import { Readable } from "node:stream";
import type { RetainedMessages, RetainedPacket } from "./retained.ts";

interface StoredPacket {
  topic: string;
  payload: Buffer | string;
  qos: 0 | 1 | 2;
}

/** In the form of aedes' `persistence` option. Every session is clean and no message has QoS 2, so
 *  nothing waits for a client that is away: subscriptions, queues and wills end with the connection. */
export function retainedOnly(retained: RetainedMessages): object {
  return {
    // aedes insists on an async function here.
    setup: async () => undefined,
    destroy: async () => undefined,

    storeRetained: async ({ topic, payload, qos }: StoredPacket) =>
      retained.set(topic, Buffer.from(payload), qos === 0 ? 0 : 1),
    createRetainedStream: (filter: string) => Readable.from(retained.match(filter)),
    createRetainedStreamCombi: (filters: string[]) => Readable.from(matchAll(retained, filters)),

    addSubscriptions: async () => undefined,
    removeSubscriptions: async () => undefined,
    cleanSubscriptions: async () => undefined,
    subscriptionsByClient: async () => [],
    subscriptionsByTopic: async () => [],
    countOffline: async () => ({ subsCount: 0, clientsCount: 0 }),
    getClientList: () => Readable.from([]),

    outgoingEnqueue: async () => undefined,
    outgoingEnqueueCombi: async () => undefined,
    outgoingUpdate: async () => undefined,
    outgoingClearMessageId: async () => undefined,
    outgoingStream: () => Readable.from([]),

    incomingStorePacket: noSuchPacket,
    incomingGetPacket: noSuchPacket,
    incomingDelPacket: noSuchPacket,
    cleanIncoming: async () => undefined,

    // A will lives with its connection in this one process; other brokers' wills there are none.
    putWill: async () => undefined,
    getWill: async () => undefined,
    delWill: async () => undefined,
    streamWill: () => Readable.from([]),
  };
}

function* matchAll(retained: RetainedMessages, filters: string[]): Generator<RetainedPacket> {
  for (const filter of filters) yield* retained.match(filter);
}

async function noSuchPacket(): Promise<never> {
  throw new Error("no packet of QoS 2 is ever stored");
}
