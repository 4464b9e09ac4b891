// Devices whose services are handed over: their forwarder, and clients that never stop asking behind it.
import { join } from "node:path";
import { livingForwarder } from "#edge/runtime/forward/identity.ts";
import type { Device } from "./device.ts";
import type { Trial } from "./fault.ts";
import { notSurvived, until } from "./until.ts";
import { createWatch, type Seen, type Watch } from "./watch.ts";

/** One world for all faults of the forwarder. */
export const handOverWorld = { devices: 2, device: { role: { handOver: true } } } as const;

/** Slow is no gap: what a gap does to a client is a refusal or a reset, which come at once. */
const clientTimeoutMs = 10_000;
const startMs = 30_000;

/** Of the service that no update touches, and of the one that each replaces. */
export interface Clients {
  steady: Watch;
  moving: Watch;
}

/** What the clients have seen, once all is over. */
export interface Experience {
  steady: Seen;
  moving: Seen;
}

/** @throws when the device has none */
export function forwarderOf({ id, directory }: Device): number {
  const living = livingForwarder(join(directory, "forward"));
  if (living === undefined) throw notSurvived(`${id} has no forwarder`);
  return living.pid;
}

/** Another one than before lives, and both services answer behind it. */
export async function anotherForwarder(
  device: Device,
  before: number,
  clients: Clients,
): Promise<void> {
  const another = async (): Promise<boolean> => forwarderOf(device) !== before;
  await until("another forwarder", another, { limitMs: startMs });
  const answers = Object.values(clients).map(async (client: Watch) => {
    const { answers } = client.seen();
    const more = async (): Promise<boolean> => client.seen().answers > answers + 1;
    await until("answers behind another forwarder", more, { limitMs: startMs });
  });
  await Promise.all(answers);
}

/** Asks both services all through the body, by new connections. */
export async function askingAllTheWhile(
  { device, tally }: Trial,
  body: (clients: Clients) => Promise<void>,
): Promise<Experience> {
  const [steady, moving] = [device.ports.steady, device.ports.moving].map((port) =>
    createWatch({ port, connectsAnew: true, timeoutMs: clientTimeoutMs }),
  ) as [Watch, Watch];
  const clients = { steady, moving };
  for (const client of Object.values(clients)) client.start();
  try {
    await body(clients);
  } finally {
    await Promise.all(Object.values(clients).map((client) => client.stop()));
  }
  const seen = { steady: steady.seen(), moving: moving.seen() };
  for (const { answers } of Object.values(seen)) {
    if (answers === 0) throw notSurvived("a client never had an answer");
    tally("answers", answers);
  }
  tally("ms without one", seen.steady.unavailableMs + seen.moving.unavailableMs);
  return seen;
}

/** @throws when a client was left without an answer */
export function withoutGap({ steady, moving }: Experience): void {
  for (const [name, { unavailableMs }] of Object.entries({ steady, moving })) {
    if (unavailableMs > 0) throw notSurvived(`${name} had no answer for ${unavailableMs} ms`);
  }
}
